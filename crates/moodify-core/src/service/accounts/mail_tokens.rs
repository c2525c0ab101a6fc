//! Tokens that travel in mails: 32 random bytes, of which only a hash is kept.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{Accounts, Inner};
use crate::Error;
use crate::model::event::{EmailVerificationRequested, PasswordResetRequested};
use crate::model::{
    Account, EventPayload, Invalid, MailToken, MailTokenPurpose, StoredMailToken, TokenHash, earlier, later,
};

impl MailTokenPurpose {
    /// How long such a token works: long enough for a mailbox that is read once a day, and for one
    /// that is read now.
    fn life(self) -> Duration {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        match self {
            Self::VerifyEmail => 24 * HOUR,
            Self::ResetPassword => HOUR,
        }
    }

    /// How long an account waits for its next mail of this kind, however often it is asked for.
    fn pause(self) -> Duration {
        const MINUTE: Duration = Duration::from_secs(60);
        match self {
            Self::VerifyEmail => MINUTE,
            Self::ResetPassword => 5 * MINUTE,
        }
    }
}

/// The refusal of every token that is not good, whatever the reason.
pub(super) fn invalid() -> Error {
    let message = "This link has been used, has expired, or a newer one took its place.";
    Error::invalid("/token", Invalid::new("token_invalid", message))
}

impl Accounts {
    /// A new token of this account, and the event that carries it into a mail.
    pub(super) fn mail_token(
        &self,
        account: &Account,
        purpose: MailTokenPurpose,
    ) -> (StoredMailToken, EventPayload) {
        let Inner { context, .. } = &*self.inner;
        let token = MailToken::new(URL_SAFE_NO_PAD.encode(context.random::<32>()));
        let created_at = context.now();
        let expires_at = later(created_at, purpose.life());
        let account_id = account.id;
        let stored =
            StoredMailToken { hash: hash(token.expose()), account_id, purpose, created_at, expires_at };
        let (email, first_name) = (account.email.clone(), account.first_name.clone());
        let payload = match purpose {
            MailTokenPurpose::VerifyEmail => {
                EventPayload::EmailVerificationRequested(EmailVerificationRequested {
                    account_id,
                    email,
                    first_name,
                    token,
                    expires_at,
                })
            }
            MailTokenPurpose::ResetPassword => EventPayload::PasswordResetRequested(PasswordResetRequested {
                account_id,
                email,
                first_name,
                token,
                expires_at,
            }),
        };
        (stored, payload)
    }

    /// Has a token mailed, unless one was a moment ago.
    pub(super) async fn send_mail_token(
        &self,
        account: &Account,
        purpose: MailTokenPurpose,
    ) -> Result<(), Error> {
        let (token, payload) = self.mail_token(account, purpose);
        let not_since = earlier(token.created_at, purpose.pause());
        let events = [self.event(payload)];
        if !self.inner.users.store_mail_token(&token, not_since, &events).await? {
            tracing::debug!(account = %account.id, purpose = purpose.as_str(), "no second mail so soon");
        }
        Ok(())
    }

    /// What is known of a token that is good for this purpose now.
    ///
    /// # Errors
    /// `token_invalid`.
    pub(super) async fn good_mail_token(
        &self,
        token: &MailToken,
        purpose: MailTokenPurpose,
    ) -> Result<StoredMailToken, Error> {
        /// 32 bytes in base64: nothing longer is worth hashing.
        const CHARS: usize = 43;
        if token.expose().len() != CHARS {
            return Err(invalid());
        }
        let stored = self.inner.users.mail_token(hash(token.expose())).await?;
        let is_good = |stored: &StoredMailToken| {
            stored.purpose == purpose && self.inner.context.now() < stored.expires_at
        };
        stored.filter(is_good).ok_or_else(invalid)
    }
}

fn hash(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token).into())
}
