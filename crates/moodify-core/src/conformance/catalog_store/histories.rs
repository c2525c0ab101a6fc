//! Many random histories, the same ones every time.

use std::collections::BTreeSet;

use super::CatalogStoreFixture;
use crate::conformance::dice::Dice;
use crate::conformance::samples;
use crate::model::search::fold;
use crate::model::{
    AccountId, Artist, EntryId, PageSize, Playlist, PlaylistId, Title, Track, TrackFilter, TrackId, TrackSort,
};
use crate::port::{CatalogError, EntryPlace, EntryPosition, PlaylistPosition, TrackPosition};

/// A playlist as the simplest program would keep it.
struct Model {
    id: PlaylistId,
    version: u64,
    entries: Vec<EntryId>,
}

impl Model {
    /// Mostly the present version or none; sometimes a stale one.
    fn expected(&self, dice: &Dice) -> Option<u64> {
        match dice.below(6) {
            0 => Some(self.version + 1 + dice.below(3) as u64),
            1 | 2 => Some(self.version),
            _ => None,
        }
    }

    fn some_entry(&self, dice: &Dice) -> EntryId {
        let unknown = self.entries.is_empty() || dice.below(10) == 0;
        if unknown { samples::id() } else { self.entries[dice.below(self.entries.len())] }
    }
}

/// Somebody who reads the entries page by page while they change.
#[derive(Default)]
struct Reader {
    place: Option<EntryPlace>,
    seen: Vec<EntryId>,
    /// What was there when reading began, and was neither moved nor removed since.
    staying: BTreeSet<EntryId>,
    moved: BTreeSet<EntryId>,
}

impl Reader {
    fn of(model: &Model) -> Self {
        Self { staying: model.entries.iter().copied().collect(), ..Self::default() }
    }

    async fn read_on(&mut self, fixture: &CatalogStoreFixture, model: &Model, size: u32) {
        let page = match fixture.entries_page(model.id, size, self.place.as_ref()).await {
            Ok(page) => page,
            Err(CatalogError::PlaceLost) => return *self = Self::of(model),
            Err(other) => panic!("{other:?}"),
        };
        self.seen.extend(page.items.iter().map(|entry| entry.id));
        self.place = page.next;
        if self.place.is_none() {
            self.assert_whole();
            *self = Self::of(model);
        }
    }

    fn assert_whole(&self) {
        let unmoved: Vec<_> = self.seen.iter().filter(|id| !self.moved.contains(id)).collect();
        let distinct: BTreeSet<_> = unmoved.iter().copied().copied().collect();
        assert_eq!(distinct.len(), unmoved.len(), "an entry came twice");
        assert!(distinct.is_superset(&self.staying), "an entry was skipped");
    }
}

/// One random edit, on the store and on the model; both agree on whether it may be.
async fn edit(
    fixture: &CatalogStoreFixture,
    model: &mut Model,
    reader: &mut Reader,
    track: &Track,
    dice: &Dice,
) {
    let (now, expected) = (samples::moment(), model.expected(dice));
    let store = &fixture.store;
    let index = dice.below(model.entries.len() + 3);
    let told = u32::try_from(index).unwrap();
    let answer = match dice.below(5) {
        0 | 1 => {
            let new = samples::entries(vec![track; 1 + dice.below(3)]);
            let at_end = dice.below(3) == 0;
            let position = if at_end { EntryPosition::End } else { EntryPosition::At(told) };
            let answer = store.add_entries(model.id, expected, &new, position, now).await;
            if answer.is_ok() {
                let at = if at_end { usize::MAX } else { index }.min(model.entries.len());
                model.entries.splice(at..at, new.iter().map(|entry| entry.id));
            }
            answer
        }
        2 => {
            let entry = model.some_entry(dice);
            let answer = store.remove_entry(model.id, expected, entry, now).await;
            if answer.is_ok() {
                model.entries.retain(|id| *id != entry);
                reader.staying.remove(&entry);
            }
            answer
        }
        _ => {
            let entry = model.some_entry(dice);
            let answer = store.move_entry(model.id, expected, entry, told, now).await;
            if answer.is_ok() {
                model.entries.retain(|id| *id != entry);
                model.entries.insert(index.min(model.entries.len()), entry);
                reader.staying.remove(&entry);
                reader.moved.insert(entry);
            }
            answer
        }
    };
    match answer {
        Ok(Playlist { version, entry_count, .. }) => {
            assert!(expected.is_none_or(|expected| expected == model.version) && version > model.version);
            assert_eq!(entry_count as usize, model.entries.len());
            model.version = version;
        }
        Err(CatalogError::StaleVersion { current }) => {
            assert!(current == model.version && expected.is_some_and(|expected| expected != current));
        }
        Err(CatalogError::NotFound { what: "entry" }) => (),
        Err(other) => panic!("{other:?}"),
    }
}

/// Whatever is added, moved and removed, in whatever order and with whatever versions, the playlist
/// is what the simplest program would have made of it, and readers in between see every entry that
/// stays once.
pub async fn random_edits_agree_with_a_plain_list(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track(&artist).await;
    for seed in 1..=8 {
        let dice = Dice::new(seed);
        let (playlist, entries) = fixture.playlist_of(&vec![&track; dice.below(9)]).await;
        let mut model = Model { id: playlist.id, version: playlist.version, entries };
        let mut reader = Reader::of(&model);
        for step in 0..50 {
            edit(fixture, &mut model, &mut reader, &track, &dice).await;
            let found = fixture.entry_ids(model.id).await;
            assert_eq!(found, model.entries, "seed {seed}, step {step}");
            if dice.below(2) == 0 {
                let size = 1 + u32::try_from(dice.below(4)).unwrap();
                reader.read_on(fixture, &model, size).await;
            }
        }
        assert_eq!(fixture.stored_playlist(model.id).await.version, model.version);
    }
}

/// Titles and plays repeat, so that ties have to be broken.
async fn some_track(fixture: &CatalogStoreFixture, artist: &Artist, dice: &Dice) -> TrackId {
    const TITLES: [&str; 4] = ["Same", "same", "Sáme", "Other same"];
    let change = |track: &mut Track| {
        track.title = Title::parse(TITLES[dice.below(4)]).unwrap();
        track.play_count = dice.below(3) as u64;
    };
    fixture.track_with(artist, change).await.id
}

/// Between any two pages of a list of tracks others come and go at random, in every order, searched
/// for or not: none comes twice, and none that stays is skipped.
pub async fn random_pages_of_tracks_are_whole(fixture: &CatalogStoreFixture) {
    for (seed, sort) in (1..).zip([TrackSort::Newest, TrackSort::Popular, TrackSort::Title]) {
        for words in [vec![], vec![fold("SAM")]] {
            let (dice, artist) = (Dice::new(seed), fixture.artist().await);
            let mut present = Vec::new();
            for _ in 0..20 {
                present.push(some_track(fixture, &artist, &dice).await);
            }
            let mut staying: BTreeSet<TrackId> = present.iter().copied().collect();
            let filter = TrackFilter { words, artist_id: Some(artist.id), sort, ..TrackFilter::default() };
            let (mut seen, mut after): (Vec<TrackId>, Option<TrackPosition>) = (Vec::new(), None);
            loop {
                let size = 1 + u32::try_from(dice.below(4)).unwrap();
                let page = fixture.page(&filter, size, after.as_ref()).await;
                seen.extend(page.items.iter().map(|track| track.id));
                let Some(next) = page.next else { break };
                after = Some(next);
                for _ in 0..dice.below(3) {
                    let gone = present.swap_remove(dice.below(present.len()));
                    fixture.store.delete_track(gone, None, &[]).await.unwrap();
                    staying.remove(&gone);
                    present.push(some_track(fixture, &artist, &dice).await);
                }
                assert!(seen.len() < 200, "the list does not end");
            }
            let distinct: BTreeSet<TrackId> = seen.iter().copied().collect();
            assert_eq!(distinct.len(), seen.len(), "{sort:?}: a track came twice");
            assert!(distinct.is_superset(&staying), "{sort:?}: a track was skipped");
        }
    }
}

/// The same for an account's playlists.
pub async fn random_pages_of_playlists_are_whole(fixture: &CatalogStoreFixture) {
    let (dice, owner): (_, AccountId) = (Dice::new(1), samples::id());
    let make = async || {
        let playlist = samples::playlist(owner);
        fixture.store.create_playlist(&playlist, &[]).await.unwrap();
        playlist.id
    };
    let mut present = Vec::new();
    for _ in 0..30 {
        present.push(make().await);
    }
    let mut staying: BTreeSet<PlaylistId> = present.iter().copied().collect();
    let (mut seen, mut after): (Vec<PlaylistId>, Option<PlaylistPosition>) = (Vec::new(), None);
    loop {
        let size = PageSize::new(1 + u32::try_from(dice.below(4)).unwrap()).unwrap();
        let page = fixture.store.list_playlists(owner, size, after.as_ref()).await.unwrap();
        seen.extend(page.items.iter().map(|playlist| playlist.id));
        let Some(next) = page.next else { break };
        after = Some(next);
        for _ in 0..dice.below(3) {
            let gone = present.swap_remove(dice.below(present.len()));
            fixture.store.delete_playlist(gone, None).await.unwrap();
            staying.remove(&gone);
            present.push(make().await);
        }
    }
    let distinct: BTreeSet<PlaylistId> = seen.iter().copied().collect();
    assert_eq!(distinct.len(), seen.len(), "a playlist came twice");
    assert!(distinct.is_superset(&staying), "a playlist was skipped");
}
