//! Signing in through an identity provider. `docs/adr/0020-google-sign-in.md` says whose account it is.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use url::Url;

use super::update::account_updated;
use super::{Accounts, SignedIn};
use crate::Error;
use crate::model::{
    AccountUpdate, ClientNetwork, Credentials, Email, EndedSessions, Identity, MailTokenPurpose,
    PasswordChange, Role, UserAgent,
};
use crate::port::{
    Authorization, IdentityError, IdentityProvider, PendingSignIn, UserStoreError, VerifiedIdentity,
};

/// A browser that came back from the identity provider.
#[derive(Clone, Debug)]
pub struct FederatedSignIn {
    /// What it has kept since it left.
    pub pending: PendingSignIn,
    /// Where it came back, as it was told when it left.
    pub redirect_uri: Url,
    /// What it brings.
    pub callback: Callback,
    /// Which door its owner came through.
    pub role: Role,
    /// The program they use.
    pub user_agent: Option<UserAgent>,
    /// Where they are, if that is known.
    pub from: Option<ClientNetwork>,
}

/// What a browser brings back: unchecked, for anybody can write it.
#[derive(Clone, Debug, Default)]
pub struct Callback {
    /// What it was sent away with.
    pub state: Option<SecretString>,
    /// What the provider gives an identity for, once.
    pub code: Option<SecretString>,
    /// Why there is no code, as the provider puts it (RFC 6749, 4.1.2.1).
    pub error: Option<String>,
    /// Who sent it back, if it says so (RFC 9207).
    pub issuer: Option<String>,
}

impl Accounts {
    /// Begins a sign-in through the identity provider; the browser comes back to this address.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no identity provider, [`Error::IdentityProvider`] if it does not
    /// answer.
    pub async fn begin_federated(&self, redirect_uri: &Url) -> Result<Authorization, Error> {
        self.identity_provider()?.begin(redirect_uri).await.map_err(failure)
    }

    /// Signs somebody in whom the identity provider vouches for: to the account that the identity is
    /// linked to, else to the one with the e-mail address that both sides have verified, else to a new
    /// one without a password. An account with that address that nobody has proved yet was somebody's
    /// guess at it: its password, its sessions and the links in its mails stop working.
    ///
    /// # Errors
    /// `state_mismatch`, `access_denied`, `identity_refused`, `email_not_verified`, `wrong_role`,
    /// `other_identity_linked`; [`Error::NotFound`] if there is no identity provider,
    /// [`Error::IdentityProvider`] if it does not do its part, [`Error::Busy`] after too many sign-ups
    /// from one network.
    pub async fn finish_federated(&self, sign_in: &FederatedSignIn) -> Result<SignedIn, Error> {
        /// Each is a change that somebody else made meanwhile.
        const ATTEMPTS: usize = 16;
        let provider = self.identity_provider()?;
        let code = sign_in.code()?;
        let issuer = sign_in.callback.issuer.as_deref();
        let verified = provider.finish(&sign_in.pending, &sign_in.redirect_uri, code, issuer).await;
        let verified = verified.map_err(failure)?;
        let mut counted = false;
        for _ in 0..ATTEMPTS {
            if let Some(signed_in) = self.enter(&verified, sign_in, &mut counted).await? {
                return Ok(signed_in);
            }
        }
        Err(Error::Busy { retry_after: Duration::from_secs(1) })
    }

    fn identity_provider(&self) -> Result<&dyn IdentityProvider, Error> {
        let provider = self.inner.identity_provider.as_deref();
        provider.ok_or(Error::NotFound { what: "identity_provider" })
    }

    /// One step towards a session; `None` if things are not any more as they were when it looked.
    /// `counted` says whether the network has paid for a sign-up already.
    async fn enter(
        &self,
        verified: &VerifiedIdentity,
        sign_in: &FederatedSignIn,
        counted: &mut bool,
    ) -> Result<Option<SignedIn>, Error> {
        let users = &self.inner.users;
        if let Some(known) = users.credentials_of_identity(&verified.identity).await? {
            at_its_door(&known, sign_in.role)?;
            let (session, token) = self.begin_session(&known.account, sign_in.user_agent.clone()).await?;
            if !users.create_session(&session, known.revision).await? {
                return Ok(None);
            }
            return self.signed_in(known.account, session.id, &token).await.map(Some);
        }
        let email = proved_email(verified)?;
        if let Some(known) = users.credentials(&email).await? {
            at_its_door(&known, sign_in.role)?;
            self.link(&known, &verified.identity).await?;
            return Ok(None);
        }
        if !*counted {
            self.inner.limits.sign_up(sign_in.from)?;
            *counted = true;
        }
        self.sign_up_federated(verified, email, sign_in).await
    }

    /// Links an identity to the account with its e-mail address. What comes of it, the next look tells.
    async fn link(&self, known: &Credentials, identity: &Identity) -> Result<(), Error> {
        let mut account = known.account.clone();
        let (id, was_proved) = (account.id, account.email_verified);
        account.email_verified = true;
        let events = if was_proved { Vec::new() } else { vec![self.event(account_updated(&account))] };
        let kept = AccountUpdate {
            account,
            revision: known.revision,
            password: PasswordChange::Keep,
            links: Some(identity.clone()),
            spends: None,
            voids: Vec::new(),
            ends: EndedSessions::None,
        };
        let update = if was_proved {
            kept
        } else {
            AccountUpdate {
                password: PasswordChange::Remove,
                voids: MailTokenPurpose::ALL.to_vec(),
                ends: EndedSessions::All,
                ..kept
            }
        };
        let users = &self.inner.users;
        let revoked = |session_id| self.session_revoked(id, session_id);
        match users.update_account(&update, &events, &revoked).await {
            Ok(true) => tracing::info!(account = %id, was_proved, "linked an identity to an account"),
            Ok(false) => {}
            // Its owner was faster in another tab; or it is somebody else at that issuer.
            Err(UserStoreError::IdentityTaken)
                if users.credentials_of_identity(identity).await?.is_some() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

impl FederatedSignIn {
    /// The code, if the browser is the one that left, and the provider gave one.
    fn code(&self) -> Result<&str, Error> {
        /// Ours are some hundred characters; nothing longer is worth a request.
        const MAX_CODE_BYTES: usize = 4096;
        let Callback { state, code, error, .. } = &self.callback;
        let (left, came) = (&self.pending.state, state.as_ref().map_or("", |state| state.expose_secret()));
        if !bool::from(left.expose_secret().as_bytes().ct_eq(came.as_bytes())) {
            let message = "This browser has not begun this sign-in, or has begun another one since.";
            return Err(Error::Forbidden { code: "state_mismatch", message });
        }
        match (error.as_deref(), code) {
            (Some("access_denied"), _) => {
                let message = "You did not allow it at the identity provider.";
                Err(Error::Forbidden { code: "access_denied", message })
            }
            (Some(_), _) => Err(refused("the provider gave an error instead of a code")),
            (None, Some(code)) if (1..=MAX_CODE_BYTES).contains(&code.expose_secret().len()) => {
                Ok(code.expose_secret())
            }
            (None, _) => Err(refused("there is no code, or one that is too long")),
        }
    }
}

fn failure(error: IdentityError) -> Error {
    match error {
        IdentityError::Refused { reason } => refused(&reason),
        IdentityError::Unavailable(fault) => Error::IdentityProvider(fault),
    }
}

fn refused(reason: &str) -> Error {
    tracing::warn!(reason, "an identity was refused");
    Error::Forbidden { code: "identity_refused", message: "The identity provider's answer does not verify." }
}

/// Whoever comes through the wrong door is told so: who they are is proved.
fn at_its_door(known: &Credentials, role: Role) -> Result<(), Error> {
    if known.account.role() == role {
        return Ok(());
    }
    let message = "The account is of the other kind: sign in as a listener, or as an artist.";
    Err(Error::Forbidden { code: "wrong_role", message })
}

fn proved_email(verified: &VerifiedIdentity) -> Result<Email, Error> {
    let email = verified.email.as_deref().filter(|_| verified.email_verified);
    email.and_then(|email| Email::parse(email).ok()).ok_or(Error::Forbidden {
        code: "email_not_verified",
        message: "The identity provider vouches for no e-mail address of yours.",
    })
}
