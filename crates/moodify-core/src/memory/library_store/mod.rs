//! One file per part of the port; this one only hands over.

mod artists;
mod erase;
mod follows;
mod likes;
mod plays;
mod records;

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use jiff::Timestamp;

use self::plays::StoredPlay;
use self::records::Heard;
use super::MemoryStore;
use super::feeds::Feeds;
use super::store::Tables;
use crate::model::{
    AccountId, ArtistId, ArtistRecord, ArtistSummary, Day, Event, FollowedArtist, HistoryEntry, LikedTrack,
    Page, PageSize, PlayId, PlayReport, TrackId,
};
use crate::port::{
    ArtistPosition, ChangePage, Ended, FollowPosition, HistoryPosition, LibraryError, LibraryStore,
    LikePosition,
};

#[derive(Debug, Default)]
pub(super) struct Library {
    likes: BTreeMap<(AccountId, TrackId), Timestamp>,
    follows: BTreeMap<(AccountId, ArtistId), Timestamp>,
    plays: BTreeMap<(AccountId, PlayId), StoredPlay>,
    /// The plays that count, without their listeners.
    heard: Vec<Heard>,
    /// A number for each listener who was heard of, as long as the account is there.
    numbers: HashMap<AccountId, u64>,
    numbers_given: u64,
    /// Followers won and lost.
    follow_days: BTreeMap<(ArtistId, Day), (u64, u64)>,
    pub(super) feeds: Feeds,
    ended: HashMap<Ended, Timestamp>,
}

impl MemoryStore {
    /// An atomic step that may store events.
    fn step(
        &self,
        events: &[Event],
        change: impl FnOnce(&mut Tables) -> Result<bool, LibraryError>,
    ) -> Result<bool, LibraryError> {
        let mut tables = self.tables();
        let changed = change(&mut tables)?;
        if changed {
            tables.outbox.append(events);
            drop(tables);
            self.appended.give();
        }
        Ok(changed)
    }
}

#[async_trait]
impl LibraryStore for MemoryStore {
    async fn like(&self, account: AccountId, track: TrackId, now: Timestamp) -> Result<bool, LibraryError> {
        self.step(&[], |tables| likes::like(tables, account, track, now))
    }

    async fn unlike(&self, account: AccountId, track: TrackId) -> Result<bool, LibraryError> {
        self.step(&[], |tables| Ok(likes::unlike(tables, account, track)))
    }

    async fn liked_among(
        &self,
        account: AccountId,
        tracks: &[TrackId],
    ) -> Result<HashSet<TrackId>, LibraryError> {
        let likes = &self.tables().library.likes;
        Ok(tracks.iter().copied().filter(|track| likes.contains_key(&(account, *track))).collect())
    }

    async fn liked_tracks(
        &self,
        account: AccountId,
        viewer: Option<ArtistId>,
        size: PageSize,
        after: Option<&LikePosition>,
    ) -> Result<Page<LikedTrack, LikePosition>, LibraryError> {
        Ok(likes::page(&self.tables(), account, viewer, size, after))
    }

    async fn follow(
        &self,
        account: AccountId,
        artist: ArtistId,
        now: Timestamp,
        events: &[Event],
    ) -> Result<bool, LibraryError> {
        self.step(events, |tables| follows::follow(tables, account, artist, now))
    }

    async fn unfollow(
        &self,
        account: AccountId,
        artist: ArtistId,
        now: Timestamp,
        events: &[Event],
    ) -> Result<bool, LibraryError> {
        self.step(events, |tables| Ok(follows::unfollow(tables, account, artist, now)))
    }

    async fn followed_among(
        &self,
        account: AccountId,
        artists: &[ArtistId],
    ) -> Result<HashSet<ArtistId>, LibraryError> {
        let follows = &self.tables().library.follows;
        Ok(artists.iter().copied().filter(|artist| follows.contains_key(&(account, *artist))).collect())
    }

    async fn followed_artists(
        &self,
        account: AccountId,
        size: PageSize,
        after: Option<&FollowPosition>,
    ) -> Result<Page<FollowedArtist, FollowPosition>, LibraryError> {
        Ok(follows::page(&self.tables(), account, size, after))
    }

    async fn artist_summary(&self, id: ArtistId) -> Result<Option<ArtistSummary>, LibraryError> {
        Ok(artists::summary(&self.tables(), id))
    }

    async fn list_artists(
        &self,
        words: &[String],
        size: PageSize,
        after: Option<&ArtistPosition>,
    ) -> Result<Page<ArtistSummary, ArtistPosition>, LibraryError> {
        Ok(artists::page(&self.tables(), words, size, after))
    }

    async fn record_play(&self, report: &PlayReport) -> Result<bool, LibraryError> {
        plays::record(&mut self.tables(), report)
    }

    async fn history(
        &self,
        account: AccountId,
        viewer: Option<ArtistId>,
        size: PageSize,
        after: Option<&HistoryPosition>,
    ) -> Result<Page<HistoryEntry, HistoryPosition>, LibraryError> {
        Ok(plays::page(&self.tables(), account, viewer, size, after))
    }

    async fn artist_record(&self, id: ArtistId, from: Day, to: Day) -> Result<ArtistRecord, LibraryError> {
        Ok(records::read(&self.tables(), id, from, to))
    }

    async fn changes(
        &self,
        account: AccountId,
        since: u64,
        size: PageSize,
    ) -> Result<ChangePage, LibraryError> {
        let (last, mut found) = self.tables().library.feeds.behind(account, since);
        if since > last {
            return Err(LibraryError::NoSuchPlace);
        }
        let more = found.len() > size.get();
        found.truncate(size.get());
        let until = found.last().map_or(since, |(place, _)| *place);
        Ok(ChangePage { changes: found.into_iter().map(|(_, change)| change).collect(), until, more })
    }

    async fn forget_track(&self, track: TrackId, _: usize) -> Result<bool, LibraryError> {
        erase::track(&mut self.tables(), track);
        Ok(true)
    }

    async fn erase_listener(
        &self,
        account: AccountId,
        now: Timestamp,
        _: usize,
    ) -> Result<bool, LibraryError> {
        erase::listener(&mut self.tables(), account, now);
        Ok(true)
    }

    async fn erase_artist(&self, artist: ArtistId, _: usize) -> Result<bool, LibraryError> {
        Ok(erase::artist(&mut self.tables(), artist))
    }

    async fn note_ended(&self, who: Ended, until: Timestamp) -> Result<(), LibraryError> {
        let mut tables = self.tables();
        let noted = tables.library.ended.entry(who).or_insert(until);
        *noted = until.max(*noted);
        Ok(())
    }

    async fn has_ended(&self, who: &[Ended]) -> Result<bool, LibraryError> {
        let tables = self.tables();
        Ok(who.iter().any(|who| tables.library.ended.contains_key(who)))
    }

    async fn forget_ended(&self, now: Timestamp, max: usize) -> Result<u64, LibraryError> {
        let ended = &mut self.tables().library.ended;
        let due = ended.iter().filter(|(_, until)| **until <= now).map(|(who, _)| *who);
        let due: Vec<Ended> = due.take(max).collect();
        for who in &due {
            ended.remove(who);
        }
        Ok(due.len() as u64)
    }
}
