use std::time::Duration;

use futures::future::join_all;

use super::{LibraryStoreFixture, size};
use crate::conformance::samples;
use crate::model::play::needed;
use crate::model::{
    AccountId, DeviceId, HistoryEntry, PlayId, PlayReport, Timestamp, Track, Visibility, later,
};
use crate::port::LibraryError;

/// A play of a whole track by this listener, reported at its end.
pub(super) fn report(account: AccountId, track: &Track, started_at: Timestamp) -> PlayReport {
    PlayReport {
        account_id: account,
        play_id: PlayId::parse(&samples::word()).unwrap(),
        track_id: track.id,
        started_at,
        played_ms: track.duration_ms,
        device_id: Some(DeviceId::parse("kitchen").unwrap()),
        reported_at: later(started_at, Duration::from_millis(track.duration_ms.into())),
    }
}

impl LibraryStoreFixture {
    pub(super) async fn play(&self, report: &PlayReport) -> bool {
        self.store.record_play(report).await.unwrap()
    }

    pub(super) async fn play_count(&self, track: &Track) -> u64 {
        self.catalog.track(track.id).await.unwrap().unwrap().play_count
    }
}

/// Half the track, rounded up, is needed, and enough.
pub async fn a_play_counts_from_half_the_track_on(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    for (duration_ms, needed_ms) in [(183_041, 91_521), (183_040, 91_520), (1, 1), (479_999, 240_000)] {
        let track = fixture.track_with(&artist, |track| track.duration_ms = duration_ms).await;
        let version = track.version;
        let short =
            PlayReport { played_ms: needed_ms - 1, ..report(samples::id(), &track, samples::moment()) };
        assert!(!fixture.play(&short).await, "{duration_ms}");
        let enough = PlayReport { played_ms: needed_ms, ..report(samples::id(), &track, samples::moment()) };
        assert!(fixture.play(&enough).await, "{duration_ms}");
        let track = fixture.catalog.track(track.id).await.unwrap().unwrap();
        assert_eq!((track.play_count, track.version), (1, version));
    }
    let refused =
        fixture.store.record_play(&report(samples::id(), &samples::track(&artist), samples::moment())).await;
    assert!(matches!(refused, Err(LibraryError::NotFound { what: "track" })), "{refused:?}");
}

/// However long the track is.
pub async fn four_minutes_are_always_enough(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let track = fixture.track_with(&artist, |track| track.duration_ms = u32::MAX).await;
    let play = |played_ms| PlayReport { played_ms, ..report(samples::id(), &track, samples::moment()) };
    assert!(!fixture.play(&play(239_999)).await);
    assert!(fixture.play(&play(240_000)).await);
}

/// Reports of one play add up to the longest of them; when that is enough it counts, and no more after.
pub async fn a_longer_report_may_make_a_play_count_once(fixture: &LibraryStoreFixture) {
    let track = fixture.track(&fixture.artist().await).await;
    let whole = report(samples::id(), &track, samples::moment());
    for (played_ms, counted) in
        [(10, false), (90_000, false), (5, false), (100_000, true), (1, true), (183_040, true)]
    {
        let part = PlayReport { played_ms, ..whole.clone() };
        assert_eq!(fixture.play(&part).await, counted, "{played_ms}");
        assert_eq!(fixture.play_count(&track).await, u64::from(counted));
    }
    let history = fixture.store.history(whole.account_id, None, size(10), None).await.unwrap();
    let [entry] = history.items.as_slice() else { panic!("one entry, not {}", history.items.len()) };
    assert_eq!((entry.played_ms, entry.counted), (183_040, true));
}

/// A device cannot say more than the time that has passed since the first report's beginning, give or
/// take a minute, nor move that beginning.
pub async fn nobody_hears_more_than_time_has_passed(fixture: &LibraryStoreFixture) {
    let track = fixture.track(&fixture.artist().await).await;
    let whole = report(samples::id(), &track, samples::moment());
    let at_once = PlayReport { reported_at: whole.started_at, ..whole.clone() };
    assert!(!fixture.play(&at_once).await);
    let history = fixture.store.history(whole.account_id, None, size(10), None).await.unwrap();
    assert_eq!(history.items[0].played_ms, 60_000);
    let long_ago = samples::before(whole.started_at, Duration::from_secs(3600));
    let moved = PlayReport { started_at: long_ago, ..at_once };
    assert!(!fixture.play(&moved).await);
    assert!(fixture.play(&whole).await);
}

/// Plays of a listener count for times that do not overlap: the time needed, from the beginning on.
pub async fn nobody_hears_two_tracks_at_once(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let (one, two) = (fixture.track(&artist).await, fixture.track(&artist).await);
    let (ada, bob) = (samples::id(), samples::id());
    let start = samples::moment();
    let taken = needed(one.duration_ms);
    let micro = Duration::from_micros(1);
    assert!(fixture.play(&report(ada, &one, start)).await);
    for (begins, counts) in [
        (start, false),
        (later(start, taken - micro), false),
        (samples::before(start, taken - micro), false),
        (later(start, taken), true),
        (samples::before(start, taken), true),
    ] {
        let play = report(ada, &two, begins);
        assert_eq!(fixture.play(&play).await, counts, "{begins} beside {start}");
        assert_eq!(fixture.play(&play).await, counts, "{begins} beside {start}");
    }
    assert!(fixture.play(&report(bob, &two, start)).await);
    assert_eq!((fixture.play_count(&one).await, fixture.play_count(&two).await), (1, 3));
    // A long track takes up four minutes, and a short one in the middle of them finds no room.
    let long = fixture.track_with(&artist, |track| track.duration_ms = 3_600_000).await;
    let short = fixture.track_with(&artist, |track| track.duration_ms = 10).await;
    let much_later = later(start, Duration::from_secs(7200));
    assert!(fixture.play(&report(ada, &long, much_later)).await);
    assert!(!fixture.play(&report(ada, &short, later(much_later, Duration::from_secs(239)))).await);
    assert!(fixture.play(&report(ada, &short, later(much_later, Duration::from_secs(240)))).await);
}

/// Two listeners may use one `play_id`; one listener uses it for one track.
pub async fn a_play_id_names_one_play_of_a_listener(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let (one, two) = (fixture.track(&artist).await, fixture.track(&artist).await);
    let mine = report(samples::id(), &one, samples::moment());
    let theirs = PlayReport { account_id: samples::id(), track_id: two.id, ..mine.clone() };
    assert!(fixture.play(&mine).await && fixture.play(&theirs).await);
    let other = PlayReport { track_id: two.id, ..mine };
    let refused = fixture.store.record_play(&other).await;
    assert!(matches!(refused, Err(LibraryError::PlayIdTaken)), "{refused:?}");
    assert_eq!((fixture.play_count(&one).await, fixture.play_count(&two).await), (1, 1));
}

/// However many reports of one play come at once, and however many plays of one moment.
pub async fn concurrent_reports_count_once(fixture: &LibraryStoreFixture) {
    let track = fixture.track(&fixture.artist().await).await;
    let (ada, start) = (samples::id(), samples::moment());
    let one = report(ada, &track, start);
    let mut calls = Vec::new();
    for n in 0..20 {
        let report = if n % 2 == 0 { one.clone() } else { report(ada, &track, start) };
        let store = fixture.store.clone();
        calls.push(tokio::spawn(async move { store.record_play(&report).await.unwrap() }));
    }
    assert!(join_all(calls).await.into_iter().all(|call| call.is_ok()));
    assert_eq!(fixture.play_count(&track).await, 1);
}

async fn all(fixture: &LibraryStoreFixture, account: AccountId, items: u32) -> Vec<HistoryEntry> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = fixture.store.history(account, None, size(items), after.as_ref()).await.unwrap();
        assert!(page.items.len() <= items as usize);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// By beginning, of equal ones by `play_id`, code point by code point; each as it was reported.
pub async fn history_comes_newest_first(fixture: &LibraryStoreFixture) {
    let track = fixture.track(&fixture.artist().await).await;
    let (ada, then, later) = (samples::id(), samples::moment(), samples::moment());
    let mut expected = Vec::new();
    for (n, play_id) in ["b", "B", "a:1", "a_1", "a-1", "10", "9", "_"].into_iter().enumerate() {
        let mut play = report(ada, &track, if n % 2 == 0 { then } else { later });
        play.play_id = PlayId::parse(play_id).unwrap();
        play.played_ms = u32::try_from(n).unwrap();
        play.device_id = play.device_id.filter(|_| n % 3 > 0);
        fixture.play(&play).await;
        expected.push(HistoryEntry {
            play_id: play.play_id,
            track: track.clone(),
            started_at: play.started_at,
            played_ms: play.played_ms,
            counted: false,
            device_id: play.device_id,
        });
    }
    fixture.play(&report(samples::id(), &track, then)).await;
    expected.sort_by(|a, b| (b.started_at, &b.play_id).cmp(&(a.started_at, &a.play_id)));
    let track = fixture.catalog.track(track.id).await.unwrap().unwrap();
    expected.iter_mut().for_each(|entry| entry.track = track.clone());
    for items in [1, 3, 8, 100] {
        assert_eq!(all(fixture, ada, items).await, expected, "pages of {items}");
    }
}

/// What is gone or private by now is left out, and pages are full even so.
pub async fn history_leaves_hidden_tracks_out(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let seen = fixture.track(&artist).await;
    let gone = fixture.track(&artist).await;
    let private = fixture.track_with(&artist, |track| track.visibility = Visibility::Private).await;
    let ada = samples::id();
    for _ in 0..3 {
        for track in [&seen, &gone, &private] {
            fixture.play(&report(ada, track, samples::moment())).await;
        }
    }
    fixture.catalog.delete_track(gone.id, None, &[]).await.unwrap();
    let first = fixture.store.history(ada, None, size(2), None).await.unwrap();
    assert_eq!(first.items.len(), 2);
    assert!(all(fixture, ada, 2).await.iter().all(|entry| entry.track.id == seen.id));
    assert_eq!(all(fixture, ada, 2).await.len(), 3);
    let own = fixture.store.history(ada, Some(artist.id), size(100), None).await.unwrap();
    assert_eq!(own.items.len(), 6);
}
