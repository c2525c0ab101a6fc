//! Holds a [`CatalogStore`] to its contract.

mod artists;
mod at_once;
mod crowd;
mod entries;
mod histories;
mod moves;
mod paging;
mod playlist_edits;
mod playlists;
mod search;
mod track_edits;
mod tracks;

pub use artists::*;
pub use at_once::*;
pub use crowd::*;
pub use entries::*;
pub use histories::*;
pub use moves::*;
pub use paging::*;
pub use playlist_edits::*;
pub use playlists::*;
pub use search::*;
pub use track_edits::*;
pub use tracks::*;

use std::{any::Any, sync::Arc};

use super::{Keep, samples};
use crate::model::{
    Artist, EntryId, Page, PageSize, Playlist, PlaylistEntry, PlaylistId, Track, TrackFilter, TrackId,
};
use crate::port::{CatalogError, CatalogStore, EntryPlace, Outbox, TrackPosition};

/// An empty store, and the outbox that its writes append to.
pub struct CatalogStoreFixture {
    /// The store under test.
    pub store: Arc<dyn CatalogStore>,
    /// Its outbox.
    pub outbox: Arc<dyn Outbox>,
    /// What must live as long as the store.
    pub keep: Keep,
}

impl CatalogStoreFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the store.
    pub fn new(store: Arc<dyn CatalogStore>, outbox: Arc<dyn Outbox>, keep: impl Any + Send + Sync) -> Self {
        Self { store, outbox, keep: Box::new(keep) }
    }

    async fn artist(&self) -> Artist {
        let artist = samples::artist();
        self.store.upsert_artist(&artist).await.unwrap();
        artist
    }

    /// Stores a track of this artist, changed as told.
    async fn track_with(&self, artist: &Artist, change: impl FnOnce(&mut Track)) -> Track {
        let mut track = samples::track(artist);
        change(&mut track);
        self.store.create_track(&track).await.unwrap();
        track
    }

    async fn track(&self, artist: &Artist) -> Track {
        self.track_with(artist, |_| ()).await
    }

    async fn tracks<const N: usize>(&self, artist: &Artist) -> [Track; N] {
        let mut tracks = Vec::new();
        for _ in 0..N {
            tracks.push(self.track(artist).await);
        }
        tracks.try_into().unwrap()
    }

    /// Stores a playlist with an entry for each of these tracks.
    async fn playlist_of(&self, tracks: &[&Track]) -> (Playlist, Vec<EntryId>) {
        let entries = samples::entries(tracks.iter().copied());
        let mut playlist = samples::playlist(samples::id());
        playlist.entry_count = u32::try_from(entries.len()).unwrap();
        self.store.create_playlist(&playlist, &entries).await.unwrap();
        (playlist, entries.iter().map(|entry| entry.id).collect())
    }

    async fn stored_playlist(&self, id: PlaylistId) -> Playlist {
        self.store.playlist(id).await.unwrap().expect("the playlist")
    }

    async fn entry_ids(&self, id: PlaylistId) -> Vec<EntryId> {
        self.entries(id).await.iter().map(|entry| entry.id).collect()
    }

    /// All entries, page by page.
    async fn entries(&self, id: PlaylistId) -> Vec<PlaylistEntry> {
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let page = self.entries_page(id, 100, after.as_ref()).await.unwrap();
            entries.extend(page.items);
            after = page.next;
            if after.is_none() {
                return entries;
            }
        }
    }

    async fn entries_page(
        &self,
        id: PlaylistId,
        size: u32,
        after: Option<&EntryPlace>,
    ) -> Result<Page<PlaylistEntry, EntryPlace>, CatalogError> {
        self.store.playlist_entries(id, PageSize::new(size).unwrap(), after).await
    }

    async fn page(
        &self,
        filter: &TrackFilter,
        size: u32,
        after: Option<&TrackPosition>,
    ) -> Page<Track, TrackPosition> {
        self.store.list_tracks(filter, PageSize::new(size).unwrap(), after).await.unwrap()
    }

    /// The first hundred tracks that pass the filter, in order.
    async fn listed(&self, filter: &TrackFilter) -> Vec<TrackId> {
        ids(&self.page(filter, 100, None).await.items)
    }
}

fn ids(tracks: &[Track]) -> Vec<TrackId> {
    tracks.iter().map(|track| track.id).collect()
}

/// Makes a module of named tests that hold a store to the contract of
/// [`CatalogStore`](crate::port::CatalogStore).
#[macro_export]
macro_rules! catalog_store_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            catalog_store,
            $name,
            $fixture,
            [
                stored_artist_is_found,
                unknown_artist_is_none,
                upsert_renames_and_changes_nothing_else,
                an_older_name_is_not_taken,
                of_concurrent_names_the_latest_stays,
                concurrent_upserts_make_one_artist,
                stored_track_is_found,
                the_greatest_numbers_and_longest_texts_survive,
                track_of_no_artist_is_not_found,
                unknown_track_is_none,
                renaming_the_artist_renames_the_tracks,
                existing_tracks_are_found_by_id,
                publishing_makes_a_track_ready,
                publishing_what_is_not_processing_stores_nothing,
                concurrent_publications_store_events_once,
                stale_uploads_are_old_and_processing,
                stale_uploads_come_by_the_hundred,
                edited_track_is_found_as_edited,
                edited_track_is_listed_as_edited,
                refused_edits_store_nothing,
                a_release_is_announced_once,
                a_release_that_is_hidden_says_so,
                concurrent_edits_announce_once,
                deleted_track_is_gone,
                deleting_no_track_stores_nothing,
                deleting_a_stale_version_stores_nothing,
                concurrent_deletions_store_events_once,
                deleting_a_track_takes_its_entries,
                deleting_a_track_leaves_other_playlists_alone,
                only_published_tracks_are_listed,
                artists_see_their_own_tracks_in_every_state,
                words_match_as_the_model_says,
                words_match_the_present_name_of_the_artist,
                words_that_grow_when_folded_are_found,
                genres_are_compared_folded,
                artists_are_listed_apart,
                filters_add_up,
                frequent_words_find_the_same,
                newest_tracks_come_first,
                popular_tracks_come_first,
                titles_come_in_folded_order,
                a_page_of_exactly_all_has_no_next,
                pages_survive_inserts_and_deletes,
                concurrent_inserts_hide_nothing,
                stored_playlist_is_found,
                unknown_playlist_is_none_and_has_no_entries,
                playlist_of_unknown_tracks_is_not_stored,
                playlists_are_listed_newest_first_by_owner,
                playlist_pages_survive_inserts,
                edited_playlist_is_found_as_edited,
                deleted_playlist_is_gone,
                refused_edits_of_playlists_change_nothing,
                concurrent_deletions_of_a_playlist_let_one_win,
                entries_are_added_where_told,
                entries_squeeze_into_one_place_without_end,
                adding_returns_the_changed_playlist,
                adding_what_does_not_exist_stores_nothing,
                adding_to_a_stale_version_stores_nothing,
                a_playlist_has_a_limit,
                removed_entry_is_gone,
                removing_what_is_not_there_changes_nothing,
                removing_from_a_stale_version_changes_nothing,
                concurrent_edits_of_one_version_let_one_win,
                concurrent_additions_all_stay,
                additions_during_a_deletion_leave_no_loose_entry,
                entries_are_moved_where_told,
                moving_returns_the_changed_playlist,
                refused_moves_change_nothing,
                concurrent_moves_lose_no_entry,
                a_crowded_place_is_made_roomy,
                random_edits_agree_with_a_plain_list,
                random_pages_of_tracks_are_whole,
                random_pages_of_playlists_are_whole,
                changes_at_once_keep_every_count,
                a_rename_reaches_tracks_that_come_at_the_same_time,
            ]
        );
    };
}
