use std::time::Duration;

use jiff::SignedDuration;

use super::refresh_token::RefreshToken;
use super::{Accounts, SignedIn};
use crate::Error;
use crate::error::AuthFailure;
use crate::model::{KeyPurpose, Session, StoredKey, later};

/// What a presented refresh token turned out to be.
enum Presented {
    /// The newest one: it rotates.
    Newest,
    /// The one before, moments after it rotated: its successor is handed out again.
    JustRotated,
    /// An older one: somebody else has it too.
    Reused,
    /// The one before, rotated long after now: the clock cannot tell which of the two above it is.
    Untimely,
    /// None of this session.
    Foreign,
}

/// As far back as this a clock is believed to have been set by mistake: time zones are within it. The
/// grace window then lasts until the clock has caught up.
const FARTHEST_STEP: SignedDuration = SignedDuration::from_hours(-24);

impl Accounts {
    /// Exchanges a refresh token for the next access and refresh tokens.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] if it is not good. If it was rotated longer ago than the grace
    /// window, its session ends (RFC 9700, 4.14.2): either this caller or whoever rotated it stole it.
    /// It does not end for a clock that was set back.
    pub async fn refresh(&self, refresh_token: &str) -> Result<SignedIn, Error> {
        let invalid = || Error::from(AuthFailure::InvalidToken);
        let token = RefreshToken::decode(refresh_token).ok_or_else(invalid)?;
        // A second look is enough: after losing a race the token is one rotation old.
        for _ in 0..2 {
            let session = self.inner.users.session(token.session).await?.ok_or_else(invalid)?;
            if !session.is_live(self.inner.context.now()) {
                return Err(AuthFailure::ExpiredToken.into());
            }
            let key = self.inner.keys.by_id(KeyPurpose::RefreshToken, session.key_id).await?;
            let key = key.ok_or_else(invalid)?;
            match self.presented(&token, &session, &key)? {
                Presented::Newest if !self.rotate(&token, &key).await? => {}
                Presented::Newest | Presented::JustRotated => {
                    return self.hand_out(&session, &token.successor(&key)?).await;
                }
                Presented::Reused => {
                    tracing::warn!(session = %session.id, account = %session.account_id, "a rotated refresh token came back; its session ends");
                    self.revoke(session.account_id, session.id).await?;
                    return Err(invalid());
                }
                Presented::Foreign | Presented::Untimely => return Err(invalid()),
            }
        }
        Err(Error::Busy { retry_after: Duration::from_secs(1) })
    }

    /// The session of a refresh token, whichever of its chain it is; `None` when it has ended.
    pub(super) async fn session_of(&self, refresh_token: &str) -> Result<Option<Session>, Error> {
        let invalid = || Error::from(AuthFailure::InvalidToken);
        let token = RefreshToken::decode(refresh_token).ok_or_else(invalid)?;
        let Some(session) = self.inner.users.session(token.session).await? else { return Ok(None) };
        let key = self.inner.keys.by_id(KeyPurpose::RefreshToken, session.key_id).await?;
        let key = key.ok_or_else(invalid)?;
        match self.presented(&token, &session, &key)? {
            Presented::Foreign => Err(invalid()),
            _ => Ok(Some(session)),
        }
    }

    fn presented(
        &self,
        token: &RefreshToken,
        session: &Session,
        key: &StoredKey,
    ) -> Result<Presented, Error> {
        if !token.leads_to(session.generation, session.token_hash, key)? {
            return Ok(Presented::Foreign);
        }
        let age = self.inner.context.now().duration_since(session.rotated_at);
        let grace = SignedDuration::try_from(self.inner.config.refresh_grace).unwrap_or(SignedDuration::MAX);
        Ok(match session.generation - token.generation {
            0 => Presented::Newest,
            1 if age < FARTHEST_STEP => Presented::Untimely,
            1 if age <= grace => Presented::JustRotated,
            _ => Presented::Reused,
        })
    }

    async fn rotate(&self, token: &RefreshToken, key: &StoredKey) -> Result<bool, Error> {
        let now = self.inner.context.now();
        let idle_expires_at = later(now, self.inner.config.refresh_idle_ttl);
        let next = token.successor(key)?.hash();
        let users = &self.inner.users;
        Ok(users.rotate_session(token.session, token.generation, next, now, idle_expires_at).await?)
    }

    async fn hand_out(&self, session: &Session, token: &RefreshToken) -> Result<SignedIn, Error> {
        let account = self.inner.users.account(session.account_id).await?;
        let account = account.ok_or(AuthFailure::InvalidToken)?;
        self.signed_in(account, session.id, token).await
    }
}
