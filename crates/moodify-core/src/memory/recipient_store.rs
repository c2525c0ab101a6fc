use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::model::{AccountId, ArtistId, Recipient, TrackId};
use crate::port::{RecipientStore, RecipientStoreError};

#[derive(Debug, Default)]
pub(super) struct Recipients {
    /// `None`: the account is gone.
    accounts: BTreeMap<AccountId, (Option<Recipient>, Timestamp)>,
    /// One of [`nobody`]: the artist is gone.
    follows: BTreeMap<(ArtistId, AccountId), (bool, Timestamp)>,
    announced: BTreeMap<TrackId, (AccountId, Timestamp)>,
}

impl Recipients {
    fn known(&self, id: AccountId) -> Option<&Recipient> {
        self.accounts.get(&id)?.0.as_ref()
    }

    fn is_gone(&self, id: AccountId) -> bool {
        matches!(self.accounts.get(&id), Some((None, _)))
    }
}

/// Removes up to `max` entries that the predicate chooses.
fn forget<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, max: usize, old: impl Fn(&V) -> bool) -> u64 {
    let chosen: Vec<K> =
        map.iter().filter(|(_, value)| old(value)).map(|(key, _)| key.clone()).take(max).collect();
    for key in &chosen {
        map.remove(key);
    }
    chosen.len() as u64
}

#[async_trait]
impl RecipientStore for MemoryStore {
    async fn put_recipient(
        &self,
        recipient: &Recipient,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let accounts = &mut self.tables().recipients.accounts;
        let mut new = recipient.clone();
        match accounts.get_mut(&recipient.account_id) {
            Some((Some(known), at)) if *at > told_at => {
                known.artist_id = known.artist_id.or(new.artist_id);
                return Ok(());
            }
            Some((None, at)) if *at > told_at => return Ok(()),
            Some((Some(known), _)) => new.artist_id = known.artist_id.or(new.artist_id),
            _ => {}
        }
        accounts.insert(new.account_id, (Some(new), told_at));
        Ok(())
    }

    async fn recipient(&self, id: AccountId) -> Result<Option<Recipient>, RecipientStoreError> {
        Ok(self.tables().recipients.known(id).cloned())
    }

    async fn is_gone(&self, id: AccountId) -> Result<bool, RecipientStoreError> {
        Ok(self.tables().recipients.is_gone(id))
    }

    async fn remove_recipient(
        &self,
        id: AccountId,
        artist: Option<ArtistId>,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let recipients = &mut self.tables().recipients;
        if recipients.accounts.get(&id).is_some_and(|(_, at)| *at > told_at) {
            return Ok(());
        }
        recipients.accounts.insert(id, (None, told_at));
        recipients.follows.retain(|(followed, account), _| *account != id && Some(*followed) != artist);
        if let Some(artist) = artist {
            recipients.follows.insert((artist, AccountId::NOBODY), (false, told_at));
        }
        Ok(())
    }

    async fn set_following(
        &self,
        account: AccountId,
        artist: ArtistId,
        following: bool,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let recipients = &mut self.tables().recipients;
        let newer = recipients.follows.get(&(artist, account)).is_some_and(|(_, at)| *at > told_at);
        let over = (artist, AccountId::NOBODY);
        let is_over = recipients.is_gone(account) || recipients.follows.contains_key(&over);
        if !newer && !is_over {
            recipients.follows.insert((artist, account), (following, told_at));
        }
        Ok(())
    }

    async fn is_following(&self, account: AccountId, artist: ArtistId) -> Result<bool, RecipientStoreError> {
        let follows = &self.tables().recipients.follows;
        Ok(follows.get(&(artist, account)).is_some_and(|(following, _)| *following))
    }

    async fn followers(
        &self,
        artist: ArtistId,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<AccountId>, RecipientStoreError> {
        let recipients = &self.tables().recipients;
        let told = |account: &AccountId| {
            recipients
                .known(*account)
                .is_some_and(|known| known.email_verified && known.artist_id != Some(artist))
        };
        let follows = recipients.follows.iter();
        let followers = follows
            .filter(|((followed, _), (following, _))| *followed == artist && *following)
            .map(|((_, account), _)| *account);
        Ok(followers
            .filter(|account| after.is_none_or(|after| *account > after))
            .filter(told)
            .take(max)
            .collect())
    }

    async fn announced_up_to(&self, track: TrackId) -> Result<Option<AccountId>, RecipientStoreError> {
        Ok(self.tables().recipients.announced.get(&track).map(|(up_to, _)| *up_to))
    }

    async fn note_announced(
        &self,
        track: TrackId,
        up_to: AccountId,
        now: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let announced = &mut self.tables().recipients.announced;
        if announced.get(&track).is_none_or(|(noted, _)| *noted < up_to) {
            announced.insert(track, (up_to, now));
        }
        Ok(())
    }

    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, RecipientStoreError> {
        let Recipients { accounts, follows, announced } = &mut self.tables().recipients;
        let gone = forget(accounts, max, |(account, at)| account.is_none() && *at < before);
        let ended = forget(follows, max, |(following, at)| !following && *at < before);
        Ok(gone + ended + forget(announced, max, |(_, at)| *at < before))
    }
}
