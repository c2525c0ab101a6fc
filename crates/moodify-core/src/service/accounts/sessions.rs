use serde::{Deserialize, Serialize};

use super::Accounts;
use crate::Error;
use crate::error::AuthFailure;
use crate::model::page::{decode_cursor, encode_cursor};
use crate::model::{Caller, EndedSessions, PageSize, Session, SessionId};

use super::update::Change;

/// A page of somebody's sessions.
#[derive(Clone, Debug)]
pub struct SessionList {
    /// Newest first.
    pub items: Vec<Session>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// A position in the list.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    session: SessionId,
}

impl Accounts {
    /// Where the caller is signed in, newest session first.
    ///
    /// # Errors
    /// `invalid_cursor`; [`AuthFailure::InvalidToken`] if the session has ended.
    pub async fn sessions(
        &self,
        caller: &Caller,
        size: PageSize,
        cursor: Option<&str>,
    ) -> Result<SessionList, Error> {
        let after = cursor.map(decode_cursor::<After>).transpose();
        let after = after.map_err(|why| Error::invalid("/cursor", why))?.map(|after| after.session);
        self.live_session(caller).await?;
        let now = self.inner.context.now();
        let page = self.inner.users.sessions(caller.account_id, now, size, after).await?;
        let next_cursor = page.next.map(|session| encode_cursor(&After { session }));
        Ok(SessionList { items: page.items, next_cursor })
    }

    /// Ends one of the caller's sessions: this one or another.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it has ended, never was, or is somebody else's;
    /// [`AuthFailure::InvalidToken`] if the caller's own session has ended.
    pub async fn end_session(&self, caller: &Caller, id: SessionId) -> Result<(), Error> {
        self.live_session(caller).await?;
        let session = self.inner.users.session(id).await?;
        let is_own = session.is_some_and(|session| session.account_id == caller.account_id);
        if is_own && self.revoke(caller.account_id, id).await? {
            return Ok(());
        }
        Err(Error::NotFound { what: "session" })
    }

    /// Ends all of the caller's sessions, this one too.
    ///
    /// # Errors
    /// [`AuthFailure::InvalidToken`] if the session has ended.
    pub async fn log_out_everywhere(&self, caller: &Caller) -> Result<(), Error> {
        self.live_session(caller).await?;
        let all = EndedSessions::All;
        let ended = self.update(caller.account_id, |now| Ok(Change { ends: all, ..Change::to(now.account) }));
        ended.await.map(drop)
    }

    /// The session that the caller's access token came from: access tokens outlive it by their own
    /// life, and what changes an account must not take the word of one whose session has ended.
    ///
    /// # Errors
    /// [`AuthFailure::InvalidToken`] if it has ended.
    pub(super) async fn live_session(&self, caller: &Caller) -> Result<Session, Error> {
        let session = self.inner.users.session(caller.session_id).await?;
        let is_live = |session: &Session| {
            session.account_id == caller.account_id && session.is_live(self.inner.context.now())
        };
        session.filter(is_live).ok_or_else(|| AuthFailure::InvalidToken.into())
    }
}
