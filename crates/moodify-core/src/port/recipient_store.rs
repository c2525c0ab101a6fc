use async_trait::async_trait;
use jiff::Timestamp;

use super::Unavailable;
use crate::model::{AccountId, ArtistId, Recipient, TrackId};

/// What the notification service remembers of others' events: mailboxes, who follows whom, and how far
/// the announcement of a release has come.
///
/// Events come late, twice and out of order. So every fact carries the moment `told_at` of the event
/// that told it, and an older one never replaces a newer one of the same thing.
#[async_trait]
pub trait RecipientStore: Send + Sync {
    /// Remembers an account, unless something newer is known of it: also that it is gone. An
    /// `artist_id`, once known, stays.
    async fn put_recipient(
        &self,
        recipient: &Recipient,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError>;

    /// The account; `None` if nothing is known of it, or that it is gone.
    async fn recipient(&self, id: AccountId) -> Result<Option<Recipient>, RecipientStoreError>;

    /// Whether the account is known to be gone; one of which nothing is known is not.
    async fn is_gone(&self, id: AccountId) -> Result<bool, RecipientStoreError>;

    /// The account is gone, unless something newer is known of it. Forgets its mailbox, its name, whom
    /// it follows and who follows this artist of its; remembers that both are gone. A follow that is told at
    /// the same moment does not survive it.
    async fn remove_recipient(
        &self,
        id: AccountId,
        artist: Option<ArtistId>,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError>;

    /// Remembers whether an account follows an artist, unless something newer is known, or one of them is
    /// gone. The account itself need not be known.
    async fn set_following(
        &self,
        account: AccountId,
        artist: ArtistId,
        following: bool,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError>;

    /// Whether the account follows the artist.
    async fn is_following(&self, account: AccountId, artist: ArtistId) -> Result<bool, RecipientStoreError>;

    /// Up to `max` followers of an artist that may be told of a release, in the order of their ids,
    /// beginning behind `after`: accounts that are known, with a verified mailbox, and not the
    /// artist's own.
    async fn followers(
        &self,
        artist: ArtistId,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<AccountId>, RecipientStoreError>;

    /// The last follower that was told of this track; `None` if none was.
    async fn announced_up_to(&self, track: TrackId) -> Result<Option<AccountId>, RecipientStoreError>;

    /// Every follower up to this one was told of the track. A lower id than the one that is noted
    /// changes nothing.
    async fn note_announced(
        &self,
        track: TrackId,
        up_to: AccountId,
        now: Timestamp,
    ) -> Result<(), RecipientStoreError>;

    /// Forgets up to `max` of each of these that are older than the moment, and returns how many:
    /// that an account is gone, that somebody follows an artist no more or an artist is gone, how far an
    /// announcement came.
    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, RecipientStoreError>;
}

/// Why a [`RecipientStore`] failed.
#[derive(Debug, thiserror::Error)]
pub enum RecipientStoreError {
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
