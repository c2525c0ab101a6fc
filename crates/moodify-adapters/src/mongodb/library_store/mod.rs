//! One file per part of the port; this one only hands over.

mod artists;
mod changes;
mod erase;
mod follows;
pub(super) mod likes;
mod plays;
mod records;
mod visible;

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::{
    AccountId, ArtistId, ArtistRecord, ArtistSummary, Day, Event, FollowedArtist, HistoryEntry, LikedTrack,
    Page, PageSize, PlayReport, TrackId,
};
use moodify_core::port::{
    ArtistPosition, ChangePage, Ended, FollowPosition, HistoryPosition, LibraryError, LibraryStore,
    LikePosition,
};

use super::MongoStore;
use super::ended::OF_MUSIC;

#[async_trait]
impl LibraryStore for MongoStore {
    async fn like(&self, account: AccountId, track: TrackId, now: Timestamp) -> Result<bool, LibraryError> {
        likes::like(self, account, track, now).await
    }

    async fn unlike(&self, account: AccountId, track: TrackId) -> Result<bool, LibraryError> {
        likes::unlike(self, account, track).await
    }

    async fn liked_among(
        &self,
        account: AccountId,
        tracks: &[TrackId],
    ) -> Result<HashSet<TrackId>, LibraryError> {
        likes::among(self, account, tracks).await
    }

    async fn liked_tracks(
        &self,
        account: AccountId,
        viewer: Option<ArtistId>,
        size: PageSize,
        after: Option<&LikePosition>,
    ) -> Result<Page<LikedTrack, LikePosition>, LibraryError> {
        likes::page(self, account, viewer, size, after).await
    }

    async fn follow(
        &self,
        account: AccountId,
        artist: ArtistId,
        now: Timestamp,
        events: &[Event],
    ) -> Result<bool, LibraryError> {
        follows::follow(self, account, artist, now, events).await
    }

    async fn unfollow(
        &self,
        account: AccountId,
        artist: ArtistId,
        now: Timestamp,
        events: &[Event],
    ) -> Result<bool, LibraryError> {
        follows::unfollow(self, account, artist, now, events).await
    }

    async fn followed_among(
        &self,
        account: AccountId,
        artists: &[ArtistId],
    ) -> Result<HashSet<ArtistId>, LibraryError> {
        follows::among(self, account, artists).await
    }

    async fn followed_artists(
        &self,
        account: AccountId,
        size: PageSize,
        after: Option<&FollowPosition>,
    ) -> Result<Page<FollowedArtist, FollowPosition>, LibraryError> {
        follows::page(self, account, size, after).await
    }

    async fn artist_summary(&self, id: ArtistId) -> Result<Option<ArtistSummary>, LibraryError> {
        artists::find(self, id).await
    }

    async fn list_artists(
        &self,
        words: &[String],
        size: PageSize,
        after: Option<&ArtistPosition>,
    ) -> Result<Page<ArtistSummary, ArtistPosition>, LibraryError> {
        artists::page(self, words, size, after).await
    }

    async fn record_play(&self, report: &PlayReport) -> Result<bool, LibraryError> {
        plays::record(self, report).await
    }

    async fn history(
        &self,
        account: AccountId,
        viewer: Option<ArtistId>,
        size: PageSize,
        after: Option<&HistoryPosition>,
    ) -> Result<Page<HistoryEntry, HistoryPosition>, LibraryError> {
        plays::page(self, account, viewer, size, after).await
    }

    async fn artist_record(&self, id: ArtistId, from: Day, to: Day) -> Result<ArtistRecord, LibraryError> {
        records::read(self, id, from, to).await
    }

    async fn changes(
        &self,
        account: AccountId,
        since: u64,
        size: PageSize,
    ) -> Result<ChangePage, LibraryError> {
        changes::behind(self, account, since, size).await
    }

    async fn forget_track(&self, track: TrackId, max: usize) -> Result<bool, LibraryError> {
        erase::track(self, track, max).await
    }

    async fn erase_listener(
        &self,
        account: AccountId,
        now: Timestamp,
        max: usize,
    ) -> Result<bool, LibraryError> {
        erase::listener(self, account, now, max).await
    }

    async fn erase_artist(&self, artist: ArtistId, max: usize) -> Result<bool, LibraryError> {
        erase::artist(self, artist, max).await
    }

    async fn note_ended(&self, who: Ended, until: Timestamp) -> Result<(), LibraryError> {
        Ok(OF_MUSIC.note(&self.database, who, until).await?)
    }

    async fn has_ended(&self, who: &[Ended]) -> Result<bool, LibraryError> {
        Ok(OF_MUSIC.has(&self.database, who).await?)
    }

    async fn forget_ended(&self, now: Timestamp, max: usize) -> Result<u64, LibraryError> {
        Ok(OF_MUSIC.forget(&self.database, now, max).await?)
    }
}
