//! Holds a [`LibraryStore`] to its contract.

mod artists;
mod chance;
mod changes;
mod counting;
mod ended;
mod erase;
mod follows;
mod likes;
mod listener;
mod pages;
mod plays;
mod records;

pub use artists::*;
pub use changes::*;
pub use counting::*;
pub use ended::*;
pub use erase::*;
pub use follows::*;
pub use likes::*;
pub use listener::*;
pub use pages::*;
pub use plays::*;
pub use records::*;

use std::{any::Any, sync::Arc};

use super::{Keep, samples};
use crate::model::{Artist, PageSize, Track};
use crate::port::{CatalogStore, LibraryStore, Outbox};

/// An empty store, the catalogue in the same database, and the outbox that writes append to.
pub struct LibraryStoreFixture {
    /// The store under test.
    pub store: Arc<dyn LibraryStore>,
    /// The catalogue that it lives with.
    pub catalog: Arc<dyn CatalogStore>,
    /// Their outbox.
    pub outbox: Arc<dyn Outbox>,
    /// What must live as long as the store.
    pub keep: Keep,
}

impl LibraryStoreFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the store.
    pub fn new<S>(store: Arc<S>, keep: impl Any + Send + Sync) -> Self
    where
        S: LibraryStore + CatalogStore + Outbox + 'static,
    {
        let (catalog, outbox) = (store.clone(), store.clone());
        Self { store, catalog, outbox, keep: Box::new(keep) }
    }

    async fn artist(&self) -> Artist {
        let artist = samples::artist();
        self.catalog.upsert_artist(&artist).await.unwrap();
        artist
    }

    /// Stores a track of this artist, changed as told.
    async fn track_with(&self, artist: &Artist, change: impl FnOnce(&mut Track)) -> Track {
        let mut track = samples::track(artist);
        change(&mut track);
        self.catalog.create_track(&track).await.unwrap();
        track
    }

    async fn track(&self, artist: &Artist) -> Track {
        self.track_with(artist, |_| ()).await
    }
}

fn size(items: u32) -> PageSize {
    PageSize::new(items).unwrap()
}

/// Makes a module of named tests that hold a store to the contract of
/// [`LibraryStore`](crate::port::LibraryStore).
#[macro_export]
macro_rules! library_store_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            library_store,
            $name,
            $fixture,
            [
                a_like_stays_until_it_is_taken_back,
                unknown_tracks_are_not_liked,
                likes_come_newest_first,
                likes_of_hidden_tracks_are_left_out,
                concurrent_likes_make_one,
                what_a_listener_sees_is_what_the_stores_tell,
                a_follow_stays_until_it_is_taken_back,
                unknown_artists_are_not_followed,
                follows_come_newest_first,
                concurrent_follows_are_all_counted,
                followers_and_public_tracks_are_counted,
                artists_are_found_by_the_words_of_their_names,
                artists_come_most_followed_first,
                a_play_counts_from_half_the_track_on,
                four_minutes_are_always_enough,
                a_longer_report_may_make_a_play_count_once,
                nobody_hears_more_than_time_has_passed,
                nobody_hears_two_tracks_at_once,
                a_play_id_names_one_play_of_a_listener,
                concurrent_reports_count_once,
                random_reports_count_as_the_rule_says,
                random_pages_of_likes_are_whole,
                random_pages_of_follows_are_whole,
                random_pages_of_artists_are_whole,
                random_pages_of_history_are_whole,
                random_pages_of_changes_are_whole,
                history_comes_newest_first,
                history_leaves_hidden_tracks_out,
                records_say_what_happened,
                records_tell_the_hundred_most_played_tracks,
                a_new_feed_has_no_entries,
                every_change_moves_an_entry_to_the_end,
                writes_that_change_nothing_move_no_entry,
                playlists_move_with_every_version,
                a_deleted_track_moves_all_its_playlists,
                a_feed_has_no_place_behind_its_end,
                readers_converge_whenever_they_read,
                concurrent_writers_hide_nothing_from_a_reader,
                a_gone_track_leaves_its_likes_portion_by_portion,
                an_erased_listener_leaves_only_counts,
                listeners_and_tracks_go_at_once,
                an_erased_artist_leaves_followers_alone,
                an_artist_with_tracks_is_not_erased,
                who_has_ended_is_known_until_it_is_forgotten,
            ]
        );
    };
}
