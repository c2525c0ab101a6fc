use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use super::Unavailable;

/// Signs people in somewhere else: Google, or any OpenID Connect issuer.
///
/// Authorization code flow with PKCE, state and nonce (RFC 9700, 2.1). The caller keeps the
/// request in the browser that began it and gives it back with the callback.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Begins a sign-in: where to send the browser, and what to remember of it.
    async fn begin(&self, redirect_uri: &Url) -> Result<AuthorizationRequest, IdentityError>;

    /// Turns the callback's `code` and `state` into an identity. Signature, issuer, audience,
    /// expiry, nonce and state are all verified, or there is no identity.
    async fn finish(
        &self,
        request: &AuthorizationRequest,
        code: &str,
        state: &str,
    ) -> Result<VerifiedIdentity, IdentityError>;
}

/// A sign-in that has begun.
#[derive(Debug)]
pub struct AuthorizationRequest {
    /// Where to send the browser.
    pub url: Url,
    /// Comes back in the callback.
    pub state: SecretString,
    /// Comes back in the identity token.
    pub nonce: SecretString,
    /// Proves that whoever finishes is whoever began (RFC 7636).
    pub pkce_verifier: SecretString,
    /// Where the callback arrives; sent again when the code is redeemed.
    pub redirect_uri: Url,
}

/// Somebody whom the issuer vouches for. Keyed by `issuer` and `subject`; an e-mail is no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedIdentity {
    /// Who vouches.
    pub issuer: String,
    /// The person, at that issuer.
    pub subject: String,
    /// The person's address, if the issuer tells.
    pub email: Option<String>,
    /// Whether the issuer has verified that address.
    pub email_verified: bool,
    /// First name.
    pub given_name: Option<String>,
    /// Last name.
    pub family_name: Option<String>,
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
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
