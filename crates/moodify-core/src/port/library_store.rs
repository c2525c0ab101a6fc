use std::collections::HashSet;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Unavailable;
use crate::model::{
    AccountId, ArtistId, ArtistRecord, ArtistSummary, Day, Event, FollowedArtist, HistoryEntry,
    LibraryChange, LikedTrack, Page, PageSize, PlayId, PlayReport, SessionId, TrackId,
};

/// What listeners do with the catalogue: likes, follows, plays, what follows from them for artists,
/// and what has changed in a listener's library.
///
/// Lives in one database with the [`CatalogStore`](super::CatalogStore), whose tracks and artists it
/// returns. Every write that takes `events` stores them in the [`Outbox`](super::Outbox) in the same
/// atomic step. Lists are read by position, as in the catalogue: no item comes twice, and none that
/// stays is skipped.
///
/// # The change feed
///
/// Each listener has a feed with one entry for everything that is or was in the library: likes,
/// follows, and the playlists of the account. Every write of this port *and of the catalogue's* that
/// changes one of these moves its entry to the end of the feed, in the same atomic step; what is gone
/// keeps its entry for ever. A reader never misses an entry: one that it has not read yet never gets a
/// place before one that it has read, however many writers there are.
#[async_trait]
pub trait LibraryStore: Send + Sync {
    /// Notes that a listener likes a track. Returns `false`, and changes nothing, if that is so.
    ///
    /// # Errors
    /// [`LibraryError::NotFound`] if the track does not exist.
    async fn like(&self, account: AccountId, track: TrackId, now: Timestamp) -> Result<bool, LibraryError>;

    /// Takes a like back. Returns `false`, and changes nothing, if there is none.
    async fn unlike(&self, account: AccountId, track: TrackId) -> Result<bool, LibraryError>;

    /// Which of these tracks the listener likes.
    async fn liked_among(
        &self,
        account: AccountId,
        tracks: &[TrackId],
    ) -> Result<HashSet<TrackId>, LibraryError>;

    /// A page of the tracks that the listener likes, the newest like first (of equal ones the greatest
    /// id), from after `after` on. Left out are those that are gone, and those that nobody but their
    /// artist may know of, if that is not `viewer`.
    async fn liked_tracks(
        &self,
        account: AccountId,
        viewer: Option<ArtistId>,
        size: PageSize,
        after: Option<&LikePosition>,
    ) -> Result<Page<LikedTrack, LikePosition>, LibraryError>;

    /// Notes that a listener follows an artist, and counts the follower on the day of `now`. Returns
    /// `false`, and stores nothing, no events either, if that is so.
    ///
    /// # Errors
    /// [`LibraryError::NotFound`] if the artist does not exist.
    async fn follow(
        &self,
        account: AccountId,
        artist: ArtistId,
        now: Timestamp,
        events: &[Event],
    ) -> Result<bool, LibraryError>;

    /// The opposite. Returns `false`, and stores nothing, if the listener does not follow the artist.
    async fn unfollow(
        &self,
        account: AccountId,
        artist: ArtistId,
        now: Timestamp,
        events: &[Event],
    ) -> Result<bool, LibraryError>;

    /// Which of these artists the listener follows.
    async fn followed_among(
        &self,
        account: AccountId,
        artists: &[ArtistId],
    ) -> Result<HashSet<ArtistId>, LibraryError>;

    /// A page of the artists whom the listener follows, the newest follow first (of equal ones the
    /// greatest id), from after `after` on.
    async fn followed_artists(
        &self,
        account: AccountId,
        size: PageSize,
        after: Option<&FollowPosition>,
    ) -> Result<Page<FollowedArtist, FollowPosition>, LibraryError>;

    /// The artist with what is counted; `None` when there is none.
    async fn artist_summary(&self, id: ArtistId) -> Result<Option<ArtistSummary>, LibraryError>;

    /// A page of the artists whose names match these folded words as in
    /// [`crate::model::search::matches`], from after `after` on: the one with the most followers first,
    /// of equal ones the greatest id.
    async fn list_artists(
        &self,
        words: &[String],
        size: PageSize,
        after: Option<&ArtistPosition>,
    ) -> Result<Page<ArtistSummary, ArtistPosition>, LibraryError>;

    /// Stores a play, or what more is said of it. Returns whether it counts.
    ///
    /// A play is known by its listener and `play_id`. Of the first report everything is kept, of
    /// later ones only a longer `played_ms`: as much of it as is believed
    /// ([`crate::model::play::believed_ms`], with the `started_at` that is kept). The play counts, once and for good, as soon
    /// as that is as long as is [needed](crate::model::play::needed), unless another play of this
    /// listener counts for some of the time until
    /// [`taken_until`](crate::model::play::taken_until).
    ///
    /// In the same atomic step a play that begins to count adds to the track's `play_count` and to the
    /// records of its artist.
    ///
    /// # Errors
    /// [`LibraryError::NotFound`] if the track does not exist; [`LibraryError::PlayIdTaken`] if this
    /// `play_id` of the listener names a play of another track.
    async fn record_play(&self, report: &PlayReport) -> Result<bool, LibraryError>;

    /// A page of the listener's plays, from after `after` on: the one that began last first, of equal
    /// ones the greatest `play_id`. Left out is what [`Self::liked_tracks`] leaves out.
    async fn history(
        &self,
        account: AccountId,
        viewer: Option<ArtistId>,
        size: PageSize,
        after: Option<&HistoryPosition>,
    ) -> Result<Page<HistoryEntry, HistoryPosition>, LibraryError>;

    /// What happened to an artist from one day to another, both included. Nothing, if there is no such
    /// artist. What listeners did stays counted when they, or tracks, are gone; only the tracks that
    /// still exist are told apart. The answer takes no longer for many plays than for few.
    async fn artist_record(&self, id: ArtistId, from: Day, to: Day) -> Result<ArtistRecord, LibraryError>;

    /// The entries of the listener's feed that stand behind the place `since`, in order. The feed
    /// begins behind place 0.
    ///
    /// # Errors
    /// [`LibraryError::NoSuchPlace`] if the feed does not reach that far.
    async fn changes(
        &self,
        account: AccountId,
        since: u64,
        size: PageSize,
    ) -> Result<ChangePage, LibraryError>;

    /// Removes what listeners still have of a track that does not exist any more: likes, which change
    /// their feeds, and its own records. At most about `max` rows; returns whether that was all.
    async fn forget_track(&self, track: TrackId, max: usize) -> Result<bool, LibraryError>;

    /// Removes everything of this listener: likes, follows (which are counted as lost on the day of
    /// `now`), plays, playlists, the feed. What the plays were counted for stays, without a trace of
    /// who it was. At most about `max` rows; returns whether that was all.
    async fn erase_listener(
        &self,
        account: AccountId,
        now: Timestamp,
        max: usize,
    ) -> Result<bool, LibraryError>;

    /// Removes this artist: followers, which changes their feeds, records, and the profile itself. At
    /// most about `max` rows; returns whether that was all, which it is not as long as the artist has
    /// tracks.
    async fn erase_artist(&self, artist: ArtistId, max: usize) -> Result<bool, LibraryError>;

    /// Notes that an account or a session has ended; this may be forgotten from `until` on. Doing it
    /// twice is no error: the later `until` counts.
    async fn note_ended(&self, who: Ended, until: Timestamp) -> Result<(), LibraryError>;

    /// Whether one of these was noted and not forgotten yet.
    async fn has_ended(&self, who: &[Ended]) -> Result<bool, LibraryError>;

    /// Forgets at most `max` of those that may be forgotten by now. Returns how many.
    async fn forget_ended(&self, now: Timestamp, max: usize) -> Result<u64, LibraryError>;
}

/// A place in a list of likes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LikePosition {
    /// When the last one read was liked.
    pub liked_at: Timestamp,
    /// The last track read.
    pub id: TrackId,
}

/// A place in a list of follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowPosition {
    /// When the last one read was followed.
    pub followed_at: Timestamp,
    /// The last artist read.
    pub id: ArtistId,
}

/// A place in a list of artists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtistPosition {
    /// The followers of the last one when it was read.
    pub follower_count: u64,
    /// The last artist read.
    pub id: ArtistId,
}

/// Whose access tokens are good no more, although they have not expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// An account that is gone.
    Account(AccountId),
    /// A session that has ended before its time.
    Session(SessionId),
}

/// A place in a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPosition {
    /// When the last one read began.
    pub started_at: Timestamp,
    /// The last play read.
    pub play_id: PlayId,
}

/// Part of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// The entries, in order.
    pub changes: Vec<LibraryChange>,
    /// The place behind the last of them; where the reading began, if there is none.
    pub until: u64,
    /// Whether there are more.
    pub more: bool,
}

/// Why a [`LibraryStore`] failed.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// What a write is about does not exist.
    #[error("the {what} does not exist")]
    NotFound {
        /// `track` or `artist`.
        what: &'static str,
    },
    /// The key names a play of another track.
    #[error("the play id is taken")]
    PlayIdTaken,
    /// The feed does not reach as far as the reader says to have read.
    #[error("the feed has no such place")]
    NoSuchPlace,
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
