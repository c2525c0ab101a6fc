use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;

use super::chance::Chance;
use super::{LibraryStoreFixture, size};
use crate::conformance::samples;
use crate::model::{
    AccountId, Kept, LibraryChange, LibraryItem, Playlist, PlaylistChange, PlaylistId, Track, TrackId,
    Visibility,
};
use crate::port::{EntryPosition, LibraryError, LibraryStore};

/// A client's copy of a library.
#[derive(Default)]
struct Copy {
    since: u64,
    things: BTreeMap<LibraryItem, Option<u64>>,
}

impl Copy {
    /// Reads one page. Returns whether there are more.
    async fn pull(&mut self, store: &dyn LibraryStore, account: AccountId, items: u32) -> bool {
        let page = store.changes(account, self.since, size(items)).await.unwrap();
        assert!(page.changes.len() <= items as usize && page.until >= self.since);
        assert_eq!(page.changes.is_empty(), page.until == self.since);
        self.since = page.until;
        for LibraryChange { item, kept } in page.changes {
            match kept {
                Some(kept) => drop(self.things.insert(item, kept.version)),
                None => drop(self.things.remove(&item)),
            }
        }
        page.more
    }

    async fn pull_all(&mut self, store: &dyn LibraryStore, account: AccountId) {
        while self.pull(store, account, 100).await {}
    }
}

async fn feed(fixture: &LibraryStoreFixture, account: AccountId) -> Vec<LibraryChange> {
    let page = fixture.store.changes(account, 0, size(100)).await.unwrap();
    assert!(!page.more);
    page.changes
}

fn kept(playlist: &Playlist) -> LibraryChange {
    let kept = Kept { at: playlist.updated_at, version: Some(playlist.version) };
    LibraryChange { item: LibraryItem::Playlist(playlist.id), kept: Some(kept) }
}

/// Nothing happened to a listener who is not known.
pub async fn a_new_feed_has_no_entries(fixture: &LibraryStoreFixture) {
    let page = fixture.store.changes(samples::id(), 0, size(10)).await.unwrap();
    assert_eq!((page.changes, page.until, page.more), (Vec::new(), 0, false));
}

/// A thing has one entry, and it stands where the last change put it; what is gone stays as gone.
pub async fn every_change_moves_an_entry_to_the_end(fixture: &LibraryStoreFixture) {
    let ada: AccountId = samples::id();
    let artist = fixture.artist().await;
    let (one, two) = (fixture.track(&artist).await.id, fixture.track(&artist).await.id);
    let times: [_; 4] = std::array::from_fn(|_| samples::moment());
    let there = |item, at| LibraryChange { item, kept: Some(Kept { at, version: None }) };
    let gone = |item| LibraryChange { item, kept: None };
    let (like_one, like_two) = (LibraryItem::Like(one), LibraryItem::Like(two));
    let follow = LibraryItem::Follow(artist.id);
    fixture.store.like(ada, one, times[0]).await.unwrap();
    fixture.store.follow(ada, artist.id, times[1], &[]).await.unwrap();
    fixture.store.like(ada, two, times[2]).await.unwrap();
    fixture.store.like(samples::id(), two, times[2]).await.unwrap();
    assert_eq!(
        feed(fixture, ada).await,
        [there(like_one, times[0]), there(follow, times[1]), there(like_two, times[2])]
    );
    fixture.store.unlike(ada, one).await.unwrap();
    fixture.store.unfollow(ada, artist.id, times[3], &[]).await.unwrap();
    assert_eq!(feed(fixture, ada).await, [there(like_two, times[2]), gone(like_one), gone(follow)]);
    fixture.store.like(ada, one, times[3]).await.unwrap();
    assert_eq!(
        feed(fixture, ada).await,
        [there(like_two, times[2]), gone(follow), there(like_one, times[3])]
    );
    let first = fixture.store.changes(ada, 0, size(2)).await.unwrap();
    assert!(first.more);
    let rest = fixture.store.changes(ada, first.until, size(2)).await.unwrap();
    assert_eq!((rest.changes, rest.more), (vec![there(like_one, times[3])], false));
}

/// Whoever repeats himself tells nothing new.
pub async fn writes_that_change_nothing_move_no_entry(fixture: &LibraryStoreFixture) {
    let ada: AccountId = samples::id();
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await.id;
    fixture.store.like(ada, track, samples::moment()).await.unwrap();
    fixture.store.follow(ada, artist.id, samples::moment(), &[]).await.unwrap();
    let before = fixture.store.changes(ada, 0, size(10)).await.unwrap();
    fixture.store.like(ada, track, samples::moment()).await.unwrap();
    fixture.store.follow(ada, artist.id, samples::moment(), &[]).await.unwrap();
    fixture.store.unlike(ada, samples::id()).await.unwrap();
    fixture.store.unfollow(ada, samples::id(), samples::moment(), &[]).await.unwrap();
    assert_eq!(fixture.store.changes(ada, 0, size(10)).await.unwrap(), before);
}

/// Every write of the catalogue that gives a playlist a version tells its owner, and a refused one
/// tells nobody.
pub async fn playlists_move_with_every_version(fixture: &LibraryStoreFixture) {
    let ada = samples::id();
    let track = fixture.track(&fixture.artist().await).await;
    let (first, second) = (samples::playlist(ada), samples::playlist(ada));
    for playlist in [&first, &second] {
        fixture.catalog.create_playlist(playlist, &[]).await.unwrap();
    }
    assert_eq!(feed(fixture, ada).await, [kept(&first), kept(&second)]);
    let entries = samples::entries([&track, &track]);
    let now = samples::moment();
    let grown = fixture.catalog.add_entries(first.id, None, &entries, EntryPosition::End, now).await.unwrap();
    assert_eq!(feed(fixture, ada).await, [kept(&second), kept(&grown)]);
    let stale = fixture.catalog.remove_entry(first.id, Some(7), entries[0].id, samples::moment()).await;
    assert!(stale.is_err());
    assert_eq!(feed(fixture, ada).await, [kept(&second), kept(&grown)]);
    let shrunk =
        fixture.catalog.remove_entry(first.id, None, entries[0].id, samples::moment()).await.unwrap();
    assert_eq!(feed(fixture, ada).await, [kept(&second), kept(&shrunk)]);

    let change = PlaylistChange { visibility: Some(Visibility::Unlisted), ..PlaylistChange::default() };
    let changed = fixture.catalog.update_playlist(second.id, None, &change, samples::moment()).await.unwrap();
    assert_eq!(feed(fixture, ada).await, [kept(&shrunk), kept(&changed)]);
    let moved =
        fixture.catalog.move_entry(first.id, None, entries[1].id, 0, samples::moment()).await.unwrap();
    assert_eq!(feed(fixture, ada).await, [kept(&changed), kept(&moved)]);
    assert!(fixture.catalog.delete_playlist(second.id, Some(1)).await.is_err());
    fixture.catalog.delete_playlist(second.id, None).await.unwrap();
    let gone = LibraryChange { item: LibraryItem::Playlist(second.id), kept: None };
    assert_eq!(feed(fixture, ada).await, [kept(&moved), gone]);
}

/// Deleting a track changes playlists of many, several of one owner too.
pub async fn a_deleted_track_moves_all_its_playlists(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let (gone, stays) = (fixture.track(&artist).await, fixture.track(&artist).await);
    let (ada, bob): (AccountId, AccountId) = (samples::id(), samples::id());
    let mut of_ada = Vec::new();
    for tracks in [vec![&gone], vec![&stays], vec![&stays, &gone, &gone]] {
        let entries = samples::entries(tracks);
        let playlist =
            Playlist { entry_count: u32::try_from(entries.len()).unwrap(), ..samples::playlist(ada) };
        fixture.catalog.create_playlist(&playlist, &entries).await.unwrap();
        of_ada.push(playlist.id);
    }
    let of_bob = samples::playlist(bob);
    fixture.catalog.create_playlist(&of_bob, &samples::entries([&gone])).await.unwrap();
    fixture.catalog.delete_track(gone.id, None, &[]).await.unwrap();
    let mut now = Vec::new();
    for id in [of_ada[1], of_ada[0], of_ada[2]] {
        now.push(kept(&fixture.catalog.playlist(id).await.unwrap().unwrap()));
    }
    let mut found = feed(fixture, ada).await;
    assert_eq!(found[0], now[0]);
    found[1..].sort_by_key(|change| change.item);
    assert_eq!(found, now);
    let of_bob = fixture.catalog.playlist(of_bob.id).await.unwrap().unwrap();
    assert_eq!(feed(fixture, bob).await, [kept(&of_bob)]);
}

/// A place that the feed has not reached is told, not waited for.
pub async fn a_feed_has_no_place_behind_its_end(fixture: &LibraryStoreFixture) {
    let ada: AccountId = samples::id();
    let track = fixture.track(&fixture.artist().await).await.id;
    fixture.store.like(ada, track, samples::moment()).await.unwrap();
    let end = fixture.store.changes(ada, 0, size(10)).await.unwrap().until;
    let page = fixture.store.changes(ada, end, size(10)).await.unwrap();
    assert_eq!((page.changes, page.until, page.more), (Vec::new(), end, false));
    for (account, since) in [(ada, end + 1), (samples::id(), end), (ada, u64::from(u32::MAX))] {
        let refused = fixture.store.changes(account, since, size(10)).await;
        assert!(matches!(refused, Err(LibraryError::NoSuchPlace)), "{refused:?}");
    }
}

/// What is true of a library, as a copy should have it.
async fn truth(fixture: &LibraryStoreFixture, account: AccountId) -> BTreeMap<LibraryItem, Option<u64>> {
    let mut things = BTreeMap::new();
    let likes = fixture.store.liked_tracks(account, None, size(100), None).await.unwrap();
    things.extend(likes.items.iter().map(|like| (LibraryItem::Like(like.track.id), None)));
    let follows = fixture.store.followed_artists(account, size(100), None).await.unwrap();
    things.extend(follows.items.iter().map(|follow| (LibraryItem::Follow(follow.summary.artist.id), None)));
    let playlists = fixture.catalog.list_playlists(account, size(100), None).await.unwrap();
    things.extend(playlists.items.iter().map(|p| (LibraryItem::Playlist(p.id), Some(p.version))));
    things
}

/// Changes something of a library at random.
async fn change(
    fixture: &LibraryStoreFixture,
    account: AccountId,
    tracks: &mut Vec<Track>,
    chance: &mut Chance,
) {
    let (store, catalog, now) = (&fixture.store, &fixture.catalog, samples::moment());
    let track = chance.pick(tracks).clone();
    let playlists = catalog.list_playlists(account, size(100), None).await.unwrap().items;
    let playlist = playlists.get(chance.below(playlists.len().max(1))).map(|playlist| playlist.id);
    match (chance.below(16), playlist) {
        (0..4, _) => drop(store.like(account, track.id, now).await.unwrap()),
        (4..7, _) => drop(store.unlike(account, track.id).await.unwrap()),
        (7, _) => drop(store.follow(account, track.artist_id, now, &[]).await.unwrap()),
        (8, _) => drop(store.unfollow(account, track.artist_id, now, &[]).await.unwrap()),
        (9, _) if playlists.len() < 5 => {
            let entries = samples::entries([&track]);
            let playlist = Playlist { entry_count: 1, ..samples::playlist(account) };
            catalog.create_playlist(&playlist, &entries).await.unwrap();
        }
        (10, _) if tracks.len() > 4 => {
            tracks.retain(|left| left.id != track.id);
            catalog.delete_track(track.id, None, &[]).await.unwrap();
            while !store.forget_track(track.id, 2).await.unwrap() {}
        }
        (13, Some(id)) => catalog.delete_playlist(id, None).await.unwrap(),
        (11..13, Some(id)) => {
            if let Some(entry) = catalog.playlist_entries(id, size(1), None).await.unwrap().items.first() {
                catalog.remove_entry(id, None, entry.id, now).await.unwrap();
            }
        }
        (_, Some(id)) => {
            let entries = samples::entries([&track]);
            catalog.add_entries(id, None, &entries, EntryPosition::End, now).await.unwrap();
        }
        _ => {}
    }
}

/// Random changes, and several clients that read random pages at random moments: as soon as one has read
/// to the end, its copy is the truth.
pub async fn readers_converge_whenever_they_read(fixture: &LibraryStoreFixture) {
    let mut chance = Chance::new();
    let (ada, bob) = (samples::id(), samples::id());
    let mut tracks = Vec::new();
    for _ in 0..3 {
        let artist = fixture.artist().await;
        for _ in 0..4 {
            tracks.push(fixture.track(&artist).await);
        }
    }
    let mut copies: Vec<Copy> = (0..3).map(|_| Copy::default()).collect();
    for _ in 0..200 {
        let account = if chance.below(4) == 0 { bob } else { ada };
        change(fixture, account, &mut tracks, &mut chance).await;
        let reader = chance.below(12);
        if let Some(copy) = copies.get_mut(reader) {
            let items = u32::try_from(1 + chance.below(5)).unwrap();
            if !copy.pull(&*fixture.store, ada, items).await {
                assert_eq!(copy.things, truth(fixture, ada).await, "seed {}", chance.seed);
            }
        }
    }
    copies.push(Copy::default());
    for copy in &mut copies {
        copy.pull_all(&*fixture.store, ada).await;
        assert_eq!(copy.things, truth(fixture, ada).await, "seed {}", chance.seed);
    }
}

/// While many write at once, a reader that reads on and on misses nothing: its last page completes the
/// copy, though it never begins anew.
pub async fn concurrent_writers_hide_nothing_from_a_reader(fixture: &LibraryStoreFixture) {
    let ada: AccountId = samples::id();
    let artist = fixture.artist().await;
    let mut tracks: Vec<TrackId> = Vec::new();
    for _ in 0..24 {
        tracks.push(fixture.track(&artist).await.id);
    }
    let mut playlists: Vec<PlaylistId> = Vec::new();
    for _ in 0..2 {
        let playlist = samples::playlist(ada);
        fixture.catalog.create_playlist(&playlist, &[]).await.unwrap();
        playlists.push(playlist.id);
    }
    let sample = Arc::new(fixture.catalog.track(tracks[0]).await.unwrap().unwrap());
    let writers: Vec<_> = tracks
        .chunks(6)
        .enumerate()
        .map(|(n, tracks)| {
            let (store, catalog, sample) = (fixture.store.clone(), fixture.catalog.clone(), sample.clone());
            let (tracks, playlist) = (tracks.to_vec(), playlists[n % 2]);
            tokio::spawn(async move {
                for track in tracks {
                    store.like(ada, track, samples::moment()).await.unwrap();
                    let entries = samples::entries([&*sample]);
                    let now = samples::moment();
                    catalog.add_entries(playlist, None, &entries, EntryPosition::End, now).await.unwrap();
                }
            })
        })
        .collect();
    let mut copy = Copy::default();
    while writers.iter().any(|writer| !writer.is_finished()) {
        copy.pull(&*fixture.store, ada, 3).await;
        tokio::task::yield_now().await;
    }
    join_all(writers).await.into_iter().for_each(Result::unwrap);
    copy.pull_all(&*fixture.store, ada).await;
    assert_eq!(copy.things, truth(fixture, ada).await);
    assert_eq!(copy.things.len(), 26);
}
