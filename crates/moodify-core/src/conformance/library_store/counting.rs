use std::time::Duration;

use super::LibraryStoreFixture;
use super::plays::report;
use crate::conformance::dice::Dice;
use crate::conformance::samples;
use crate::model::play::{believed_ms, needed, taken_until};
use crate::model::{AccountId, PlayId, PlayReport, Timestamp, Track, later};

/// A play as the simplest program would keep it.
struct Play {
    account: AccountId,
    id: PlayId,
    track: usize,
    started_at: Timestamp,
    heard_ms: u32,
    /// Until when it takes up the listener's time, if it counts.
    until: Option<Timestamp>,
}

#[derive(Default)]
struct Model(Vec<Play>);

impl Model {
    /// What the contract makes of a report. Returns whether the play counts.
    fn record(&mut self, report: &PlayReport, (track, duration_ms): (usize, u32)) -> bool {
        let known = |play: &Play| play.account == report.account_id && play.id == report.play_id;
        let index = self.0.iter().position(known).unwrap_or_else(|| {
            let (account, id) = (report.account_id, report.play_id.clone());
            self.0.push(Play { account, id, track, started_at: report.started_at, heard_ms: 0, until: None });
            self.0.len() - 1
        });
        let began = self.0[index].started_at;
        let until = taken_until(began, duration_ms);
        let is_taken = self.0.iter().any(|other| {
            let taken = other.until.filter(|_| other.account == report.account_id);
            taken.is_some_and(|taken| taken > began && other.started_at < until)
        });
        let play = &mut self.0[index];
        play.heard_ms = play.heard_ms.max(believed_ms(began, report.played_ms, report.reported_at));
        let is_enough = u128::from(play.heard_ms) >= needed(duration_ms).as_millis();
        if play.until.is_none() && is_enough && !is_taken {
            play.until = Some(until);
        }
        play.until.is_some()
    }

    fn counted(&self, track: usize) -> u64 {
        self.0.iter().filter(|play| play.track == track && play.until.is_some()).count() as u64
    }
}

/// A play of some track at some moment of an hour, or more of one before; told in time or not.
fn some_report(model: &Model, tracks: &[Track], first: Timestamp, who: AccountId, dice: &Dice) -> PlayReport {
    let mut mine = model.0.iter().filter(|play| play.account == who);
    let again = (dice.below(3) == 0).then(|| mine.nth(dice.below(6))).flatten();
    let mut play = match again {
        Some(play) => {
            PlayReport { play_id: play.id.clone(), ..report(who, &tracks[play.track], play.started_at) }
        }
        None => {
            let began = later(first, Duration::from_secs(20 * dice.below(180) as u64));
            report(who, &tracks[dice.below(tracks.len())], began)
        }
    };
    let heard = u64::from(play.played_ms) * dice.below(12) as u64 / 10;
    play.played_ms = u32::try_from(heard).unwrap();
    if dice.below(4) > 0 {
        play.reported_at = later(play.started_at, Duration::from_millis(heard));
    } else {
        play.reported_at = play.started_at;
    }
    play
}

/// Whatever two listeners report, in whatever order and however often: the plays that count are those
/// that the rule says, and each counts once.
pub async fn random_reports_count_as_the_rule_says(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    for seed in 1..=50 {
        let (dice, first) = (Dice::new(seed), samples::moment());
        let listeners: [AccountId; 2] = [samples::id(), samples::id()];
        let mut tracks = Vec::new();
        for duration_ms in [40_000, 187_001, 900_000] {
            tracks.push(fixture.track_with(&artist, |track| track.duration_ms = duration_ms).await);
        }
        let mut model = Model::default();
        for step in 0..20 {
            let who = listeners[dice.below(2)];
            let report = some_report(&model, &tracks, first, who, &dice);
            let index = tracks.iter().position(|track| track.id == report.track_id).unwrap();
            let expected = model.record(&report, (index, tracks[index].duration_ms));
            assert_eq!(fixture.play(&report).await, expected, "seed {seed}, step {step}: {report:?}");
        }
        for (index, track) in tracks.iter().enumerate() {
            let before = track.play_count;
            assert_eq!(fixture.play_count(track).await - before, model.counted(index), "seed {seed}");
        }
    }
}
