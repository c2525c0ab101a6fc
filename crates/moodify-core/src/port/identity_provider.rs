use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use super::Unavailable;
use crate::model::Identity;

/// Signs people in somewhere else: Google, or any OpenID Connect issuer.
///
/// Authorization code flow with PKCE, state and nonce (RFC 9700, 2.1). The caller keeps what is
/// pending in the browser that began it, and gives it back when that browser comes with a code.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Begins a sign-in: where to send the browser, and what to remember of it. `redirect_uri` is
    /// where it comes back, exactly as the issuer knows it.
    async fn begin(&self, redirect_uri: &Url) -> Result<Authorization, IdentityError>;

    /// Turns a code into an identity; the caller has compared the state. Signature, issuer, audience,
    /// expiry and nonce are all verified, and `issuer` too if the callback names one (RFC 9207), or
    /// there is no identity. Ends within a bounded time.
    async fn finish(
        &self,
        pending: &PendingSignIn,
        redirect_uri: &Url,
        code: &str,
        issuer: Option<&str>,
    ) -> Result<VerifiedIdentity, IdentityError>;

    /// Tries issuer and client with a real round trip that signs nobody in.
    async fn check(&self) -> Result<(), IdentityError>;
}

/// A sign-in that has just begun.
#[derive(Debug)]
pub struct Authorization {
    /// Where to send the browser.
    pub url: Url,
    /// What to remember of it.
    pub pending: PendingSignIn,
}

/// What the browser keeps of a sign-in until it comes back.
#[derive(Clone, Debug)]
pub struct PendingSignIn {
    /// Comes back in the callback.
    pub state: SecretString,
    /// Comes back in the identity token.
    pub nonce: SecretString,
    /// Proves that whoever finishes is whoever began (RFC 7636).
    pub pkce_verifier: SecretString,
}

/// Somebody whom the issuer vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedIdentity {
    /// Who it is.
    pub identity: Identity,
    /// The person's address, if the issuer tells.
    pub email: Option<String>,
    /// Whether the issuer has verified that address.
    pub email_verified: bool,
    /// First name.
    pub given_name: Option<String>,
    /// Last name.
    pub family_name: Option<String>,
    /// The whole name.
    pub name: Option<String>,
}

/// Why an [`IdentityProvider`] gave no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Something in the answer did not verify.
    #[error("the identity did not verify: {reason}")]
    Refused {
        /// Which check failed; no token, no secret.
        reason: String,
    },
    /// The technology failed, or the issuer did.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
