use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::chance::Chance;
use super::plays::report;
use super::{LibraryStoreFixture, size};
use crate::conformance::samples;
use crate::model::play::{believed_ms, needed, taken_until};
use crate::model::{
    AccountId, Artist, ArtistId, ArtistRecord, Day, DayRecord, PlayId, PlayReport, Timestamp, Track, TrackId,
    TrackRecord, later,
};
use crate::port::LibraryError;

/// The shortest correct answer: it keeps everything and counts when asked.
#[derive(Default)]
struct Model {
    plays: Vec<Play>,
    follows: BTreeSet<(AccountId, ArtistId)>,
    gained: BTreeMap<(ArtistId, Day), u64>,
    lost: BTreeMap<(ArtistId, Day), u64>,
}

struct Play {
    first: PlayReport,
    played_ms: u32,
    artist: ArtistId,
    duration_ms: u32,
    counted: bool,
}

impl Model {
    /// `None` when the key names a play of another track.
    fn play(&mut self, said: &PlayReport, track: &Track) -> Option<bool> {
        let is_same =
            |play: &Play| (play.first.account_id, &play.first.play_id) == (said.account_id, &said.play_id);
        let index = self.plays.iter().position(is_same).unwrap_or_else(|| {
            let (artist, duration_ms) = (track.artist_id, track.duration_ms);
            self.plays.push(Play { first: said.clone(), played_ms: 0, artist, duration_ms, counted: false });
            self.plays.len() - 1
        });
        let play = &mut self.plays[index];
        if play.first.track_id != said.track_id {
            return None;
        }
        let start = play.first.started_at;
        play.played_ms = play.played_ms.max(believed_ms(start, said.played_ms, said.reported_at));
        let end = taken_until(start, track.duration_ms);
        let enough = u128::from(play.played_ms) >= needed(track.duration_ms).as_millis();
        let in_the_way = |other: &Play| {
            other.counted
                && other.first.account_id == said.account_id
                && other.first.started_at < end
                && taken_until(other.first.started_at, other.duration_ms) > start
        };
        let free = !self.plays.iter().any(in_the_way);
        let play = &mut self.plays[index];
        play.counted |= enough && free;
        Some(play.counted)
    }

    fn count(&self, keep: impl Fn(&Play) -> bool) -> (u64, u64) {
        let heard: Vec<&Play> = self.plays.iter().filter(|play| play.counted && keep(play)).collect();
        let listeners: BTreeSet<AccountId> = heard.iter().map(|play| play.first.account_id).collect();
        (heard.len() as u64, listeners.len() as u64)
    }

    fn record(&self, artist: ArtistId, from: Day, to: Day, tracks: &[Track]) -> ArtistRecord {
        let day_of = |play: &Play| Day::of(play.first.started_at);
        let within = |play: &Play| play.artist == artist && (from..=to).contains(&day_of(play));
        let mut record = ArtistRecord { listeners: self.count(within).1, ..ArtistRecord::default() };
        let until = |counts: &BTreeMap<(ArtistId, Day), u64>| -> u64 {
            counts.iter().filter(|((a, day), _)| *a == artist && *day <= to).map(|(_, count)| count).sum()
        };
        record.followers = until(&self.gained) - until(&self.lost);
        let mut day = from;
        while day <= to {
            let (plays, listeners) = self.count(|play| within(play) && day_of(play) == day);
            let of = |counts: &BTreeMap<_, u64>| counts.get(&(artist, day)).copied().unwrap_or(0);
            let found = DayRecord { day, plays, listeners, gained: of(&self.gained), lost: of(&self.lost) };
            if found != DayRecord::quiet(day) {
                record.days.push(found);
            }
            day = day.plus(1);
        }
        for track in tracks.iter().filter(|track| track.artist_id == artist) {
            let (plays, listeners) = self.count(|play| within(play) && play.first.track_id == track.id);
            if plays > 0 {
                let (id, title) = (track.id, track.title.clone());
                record.tracks.push(TrackRecord { id, title, plays, listeners });
            }
        }
        record.tracks.sort_by_key(|track| std::cmp::Reverse((track.plays, track.id)));
        record
    }
}

struct History {
    model: Model,
    chance: Chance,
    begin: Timestamp,
    accounts: Vec<AccountId>,
    artists: Vec<Artist>,
    tracks: Vec<Track>,
}

impl History {
    async fn new(fixture: &LibraryStoreFixture) -> Self {
        let artists = vec![fixture.artist().await, fixture.artist().await];
        let mut tracks = Vec::new();
        for (artist, duration_ms) in [(0, 30_000), (0, 600_000), (1, 200_001), (1, 1)] {
            tracks.push(fixture.track_with(&artists[artist], |track| track.duration_ms = duration_ms).await);
        }
        let accounts = (0..3).map(|_| samples::id()).collect();
        Self {
            model: Model::default(),
            chance: Chance::new(),
            begin: samples::moment(),
            accounts,
            artists,
            tracks,
        }
    }

    /// A moment within some six days.
    fn moment(&mut self) -> Timestamp {
        let minutes = u64::try_from(self.chance.below(9_000)).unwrap();
        later(self.begin, Duration::from_secs(60 * minutes))
    }

    async fn play(&mut self, fixture: &LibraryStoreFixture) {
        let started_at = self.moment();
        let track = self.chance.pick(&self.tracks).clone();
        let passed = Duration::from_secs(u64::try_from(self.chance.below(500)).unwrap());
        let said = PlayReport {
            account_id: *self.chance.pick(&self.accounts),
            play_id: PlayId::parse(&format!("play-{}", self.chance.below(120))).unwrap(),
            track_id: track.id,
            started_at,
            played_ms: u32::try_from(self.chance.below(320_000)).unwrap(),
            device_id: None,
            reported_at: later(started_at, passed),
        };
        let seed = self.chance.seed;
        let answer = fixture.store.record_play(&said).await;
        match self.model.play(&said, &track) {
            Some(counted) => assert_eq!(answer.unwrap(), counted, "seed {seed}: {said:?}"),
            None => assert!(matches!(answer, Err(LibraryError::PlayIdTaken)), "seed {seed}: {answer:?}"),
        }
    }

    async fn follow(&mut self, fixture: &LibraryStoreFixture, step: u64) {
        let account = *self.chance.pick(&self.accounts);
        let now = later(self.begin, Duration::from_secs(40 * 60 * step));
        let artist = self.chance.pick(&self.artists).id;
        let day = (artist, Day::of(now));
        if self.model.follows.remove(&(account, artist)) {
            assert!(fixture.store.unfollow(account, artist, now, &[]).await.unwrap());
            *self.model.lost.entry(day).or_default() += 1;
        } else {
            assert!(fixture.store.follow(account, artist, now, &[]).await.unwrap());
            self.model.follows.insert((account, artist));
            *self.model.gained.entry(day).or_default() += 1;
        }
    }

    async fn compare(&mut self, fixture: &LibraryStoreFixture) {
        let seed = self.chance.seed;
        for artist in &self.artists {
            let first = self.chance.below(7);
            let from = Day::of(self.begin).plus(i64::try_from(first).unwrap() - 1);
            let to = from.plus(i64::try_from(self.chance.below(8)).unwrap());
            let found = fixture.store.artist_record(artist.id, from, to).await.unwrap();
            let expected = self.model.record(artist.id, from, to, &self.tracks);
            assert_eq!(found, expected, "seed {seed}, {from} to {to}");
        }
        for track in &self.tracks {
            let (plays, _) = self.model.count(|play| play.first.track_id == track.id);
            assert_eq!(fixture.play_count(track).await, plays, "seed {seed}");
        }
        for account in &self.accounts {
            let history = fixture.store.history(*account, None, size(100), None).await.unwrap();
            for entry in history.items {
                let is_it =
                    |play: &&Play| (play.first.account_id, &play.first.play_id) == (*account, &entry.play_id);
                let play = self.model.plays.iter().find(is_it).expect("a play that was reported");
                assert_eq!((entry.played_ms, entry.counted), (play.played_ms, play.counted), "seed {seed}");
            }
        }
    }
}

/// Random plays, in any order of their days, and follows: the record of any days is what a naive count
/// of everything says.
pub async fn records_say_what_happened(fixture: &LibraryStoreFixture) {
    let mut history = History::new(fixture).await;
    let nobody =
        fixture.store.artist_record(samples::id(), Day::of(history.begin), Day::of(history.begin)).await;
    assert_eq!(nobody.unwrap(), ArtistRecord::default());
    for step in 1..=240 {
        if history.chance.below(5) == 0 {
            history.follow(fixture, step).await;
        } else {
            history.play(fixture).await;
        }
        if step % 24 == 0 {
            history.compare(fixture).await;
        }
    }
}

/// Followers are told at the end of the last day; of many tracks the most played ones are told apart.
pub async fn records_tell_the_hundred_most_played_tracks(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let start = samples::moment();
    let day = Day::of(start);
    let mut tracks: Vec<TrackId> = Vec::new();
    for _ in 0..ArtistRecord::MAX_TRACKS + 5 {
        let track = fixture.track(&artist).await;
        assert!(fixture.play(&report(samples::id(), &track, start)).await);
        tracks.push(track.id);
    }
    let first = fixture.catalog.track(tracks[0]).await.unwrap().unwrap();
    assert!(fixture.play(&report(samples::id(), &first, start)).await);
    for (n, days) in [(0, 0), (1, 1), (2, 5)] {
        let follower: AccountId = samples::id();
        let then = later(start, Duration::from_secs(days * 24 * 3600));
        fixture.store.follow(follower, artist.id, then, &[]).await.unwrap();
        if n == 1 {
            fixture.store.unfollow(follower, artist.id, then, &[]).await.unwrap();
        }
    }
    let record = fixture.store.artist_record(artist.id, day, day).await.unwrap();
    let told: Vec<TrackId> = record.tracks.iter().map(|track| track.id).collect();
    tracks[1..].reverse();
    assert_eq!(told, tracks[..ArtistRecord::MAX_TRACKS]);
    assert_eq!((record.tracks[0].plays, record.tracks[0].listeners), (2, 2));
    assert_eq!((record.followers, record.listeners), (1, 106));
    let record = fixture.store.artist_record(artist.id, day, day.plus(1)).await.unwrap();
    assert_eq!((record.followers, record.days[1].gained, record.days[1].lost), (1, 1, 1));
    assert_eq!(fixture.store.artist_record(artist.id, day, day.plus(5)).await.unwrap().followers, 2);
}
