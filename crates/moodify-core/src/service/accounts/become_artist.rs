use super::Accounts;
use super::update::Change;
use crate::Error;
use crate::model::account::ArtistProfile;
use crate::model::event::RoleChanged;
use crate::model::{Account, ArtistName, Caller, EndedSessions, EventPayload};

impl Accounts {
    /// Turns a user into an artist. The caller's next refresh brings an access token that says so;
    /// all other sessions end, for their tokens would go on to say otherwise.
    ///
    /// # Errors
    /// `already_artist`; [`AuthFailure::InvalidToken`](crate::AuthFailure::InvalidToken) if the
    /// session has ended.
    pub async fn become_artist(&self, caller: &Caller, name: ArtistName) -> Result<Account, Error> {
        self.live_session(caller).await?;
        let profile = ArtistProfile { id: self.inner.context.new_id(), name };
        let changed = self.update(caller.account_id, |current| {
            let mut account = current.account;
            if account.artist.is_some() {
                return Err(Error::Conflict {
                    code: "already_artist",
                    message: "This account is an artist's already.",
                });
            }
            account.artist = Some(profile.clone());
            let events = vec![EventPayload::RoleChanged(RoleChanged {
                account_id: account.id,
                role: account.role(),
                artist_id: Some(profile.id),
                artist_name: Some(profile.name.clone()),
            })];
            let ends = EndedSessions::AllBut(caller.session_id);
            Ok(Change { ends, events, ..Change::to(account) })
        });
        changed.await
    }
}
