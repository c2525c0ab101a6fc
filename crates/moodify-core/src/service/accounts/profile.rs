use super::Accounts;
use super::update::{Change, account_updated};
use crate::Error;
use crate::error::AuthFailure;
use crate::model::{Account, ArtistName, Caller, Invalid, PersonName};

/// What is to be different in a profile; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// First name.
    pub first_name: Option<PersonName>,
    /// Last name.
    pub last_name: Option<PersonName>,
    /// The name an artist performs under.
    pub artist_name: Option<ArtistName>,
}

impl Accounts {
    /// The caller's own account.
    ///
    /// # Errors
    /// [`AuthFailure::InvalidToken`] if the session has ended, or the account is gone.
    pub async fn account(&self, caller: &Caller) -> Result<Account, Error> {
        self.live_session(caller).await?;
        let account = self.inner.users.account(caller.account_id).await?;
        Ok(account.ok_or(AuthFailure::InvalidToken)?)
    }

    /// Changes names. Access tokens that are out already show the old ones until the next refresh.
    ///
    /// # Errors
    /// `not_an_artist` at `/artist_name`; [`AuthFailure::InvalidToken`] if the session has ended.
    pub async fn change_profile(&self, caller: &Caller, change: &ProfileChange) -> Result<Account, Error> {
        let before = self.account(caller).await?;
        if with(before.clone(), change)? == before {
            return Ok(before);
        }
        let changed = self.update(caller.account_id, |current| {
            let account = with(current.account, change)?;
            Ok(Change { events: vec![account_updated(&account)], ..Change::to(account) })
        });
        changed.await
    }
}

fn with(mut account: Account, change: &ProfileChange) -> Result<Account, Error> {
    let ProfileChange { first_name, last_name, artist_name } = change;
    account.first_name = first_name.clone().unwrap_or(account.first_name);
    account.last_name = last_name.clone().unwrap_or(account.last_name);
    match (&mut account.artist, artist_name) {
        (Some(artist), Some(name)) => artist.name = name.clone(),
        (None, Some(_)) => {
            let message = "Only artists have an artist name.";
            return Err(Error::invalid("/artist_name", Invalid::new("not_an_artist", message)));
        }
        (_, None) => {}
    }
    Ok(account)
}
