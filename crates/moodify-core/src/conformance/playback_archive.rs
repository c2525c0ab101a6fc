//! Holds a [`PlaybackArchive`] to its contract, beyond that of a
//! [`PlaybackStore`](crate::port::PlaybackStore).

use std::{any::Any, sync::Arc, time::Duration};

use super::playback_store::{known, next, state};
use super::{Keep, samples};
use crate::model::{AccountId, KnownDevice, PlaybackState};
use crate::port::{COMMAND_MEMORY, PlaybackArchive, Recalled, Saved};

/// An empty archive.
pub struct PlaybackArchiveFixture {
    /// The archive under test.
    pub archive: Arc<dyn PlaybackArchive>,
    /// What must live as long as the archive.
    pub keep: Keep,
}

impl PlaybackArchiveFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the archive.
    pub fn new(archive: Arc<dyn PlaybackArchive>, keep: impl Any + Send + Sync) -> Self {
        Self { archive, keep: Box::new(keep) }
    }

    /// At the moment of the first command, if there is one.
    async fn save(&self, run: u64, saved: &[Saved]) {
        let first = saved.iter().flat_map(|saved| &saved.commands).map(|(_, at)| *at).min();
        let now = first.unwrap_or_else(samples::moment);
        self.archive.save(run, saved, now).await.unwrap();
    }

    async fn recall(&self, account: AccountId) -> Option<Recalled> {
        self.archive.recall(account, samples::moment()).await.unwrap()
    }
}

/// Makes a module of named tests that hold an archive to the contract of
/// [`PlaybackArchive`](crate::port::PlaybackArchive).
#[macro_export]
macro_rules! playback_archive_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            playback_archive,
            $name,
            $fixture,
            [
                a_run_that_was_not_closed_is_followed_by_another,
                many_listeners_are_saved_at_once,
                what_is_saved_replaces_what_was_there,
                only_what_changed_is_touched,
                commands_are_recalled_for_ten_minutes,
                what_was_written_otherwise_belongs_to_no_run,
                a_forgotten_listener_is_not_recalled,
            ]
        );
    };
}

fn saved(account: AccountId, state: &PlaybackState) -> Saved {
    Saved { account, state: Some(state.clone()), devices: None, commands: Vec::new() }
}

/// A closed one goes on; closing an older one changes nothing.
pub async fn a_run_that_was_not_closed_is_followed_by_another(fixture: &PlaybackArchiveFixture) {
    let archive = &fixture.archive;
    let first = archive.open().await.unwrap();
    assert!(first >= 1);
    let second = archive.open().await.unwrap();
    assert!(second > first);
    archive.close(first).await.unwrap();
    let third = archive.open().await.unwrap();
    assert!(third > second);
    archive.close(third).await.unwrap();
    assert_eq!(archive.open().await.unwrap(), third);
    assert!(archive.open().await.unwrap() > third);
}

/// Each is recalled whole, with its run, and is there for every other method too.
pub async fn many_listeners_are_saved_at_once(fixture: &PlaybackArchiveFixture) {
    let run = fixture.archive.open().await.unwrap();
    let now = samples::moment();
    let listeners: Vec<(Saved, KnownDevice)> = (0..50)
        .map(|_| {
            let (state, applied) = next(&state());
            let known = known();
            let (devices, commands) = (Some(vec![known.clone()]), vec![(applied, now)]);
            (Saved { account: samples::id(), state: Some(state), devices, commands }, known)
        })
        .collect();
    let all: Vec<_> = listeners.iter().map(|(saved, _)| saved.clone()).collect();
    fixture.save(run, &all).await;
    for (saved, known) in listeners {
        let recalled = fixture.archive.recall(saved.account, now).await.unwrap().unwrap();
        assert_eq!(Some(&recalled.state), saved.state.as_ref());
        assert_eq!((recalled.run, &recalled.commands), (run, &saved.commands));
        assert_eq!(fixture.archive.load(saved.account).await.unwrap(), saved.state);
        let (applied, _) = &saved.commands[0];
        let found = fixture.archive.applied(saved.account, &applied.id, now).await.unwrap();
        assert_eq!(found.as_ref(), Some(applied));
        assert_eq!(fixture.archive.devices(saved.account).await.unwrap(), [known]);
    }
}

/// Whatever its version: the one who saves holds the truth.
pub async fn what_is_saved_replaces_what_was_there(fixture: &PlaybackArchiveFixture) {
    let run = fixture.archive.open().await.unwrap();
    let account = samples::id();
    let (older, newer) = (state(), state());
    let (gone, stays) = (known(), known());
    let devices = vec![gone, stays.clone()];
    fixture.save(run, &[Saved { devices: Some(devices), ..saved(account, &older) }]).await;
    let devices = Some(vec![stays.clone()]);
    fixture.save(run + 1, &[Saved { devices, ..saved(account, &newer) }]).await;
    let recalled = fixture.recall(account).await.unwrap();
    assert_eq!((&recalled.state, recalled.run), (&newer, run + 1));
    assert_eq!(fixture.archive.devices(account).await.unwrap(), [stays]);
}

/// Devices alone, a state alone, nothing at all.
pub async fn only_what_changed_is_touched(fixture: &PlaybackArchiveFixture) {
    let run = fixture.archive.open().await.unwrap();
    let account = samples::id();
    let nothing = Saved { account, state: None, devices: None, commands: Vec::new() };
    let device = known();
    fixture.save(run, &[Saved { devices: Some(vec![device.clone()]), ..nothing.clone() }]).await;
    assert_eq!(fixture.recall(account).await, None);
    let state = state();
    fixture.save(run, &[saved(account, &state)]).await;
    fixture.save(run, &[nothing.clone()]).await;
    fixture.save(run, &[]).await;
    assert_eq!(fixture.recall(account).await.unwrap().state, state);
    assert_eq!(fixture.archive.devices(account).await.unwrap(), [device]);
    fixture.save(run, &[Saved { devices: Some(Vec::new()), ..nothing }]).await;
    assert_eq!(fixture.archive.devices(account).await.unwrap(), []);
}

/// Oldest first, in the order they were applied; one that is saved again is there once.
pub async fn commands_are_recalled_for_ten_minutes(fixture: &PlaybackArchiveFixture) {
    let run = fixture.archive.open().await.unwrap();
    let account = samples::id();
    let now = samples::moment();
    let first = state();
    let mut commands = Vec::new();
    for n in 0..30 {
        let at = samples::after(now, Duration::from_secs(n * 10));
        commands.push((next(&first).1, at));
    }
    let (one, two) = commands.split_at(10);
    fixture.save(run, &[Saved { commands: one.to_vec(), ..saved(account, &first) }]).await;
    fixture.save(run, &[Saved { commands: two.to_vec(), ..saved(account, &first) }]).await;
    fixture.save(run, &[Saved { commands: one.to_vec(), ..saved(account, &first) }]).await;
    let at = async |at| fixture.archive.recall(account, at).await.unwrap().unwrap().commands;
    assert_eq!(at(now).await, commands);
    // The first twelve were applied up to 110 s after `now`.
    assert_eq!(at(samples::after(now, COMMAND_MEMORY + Duration::from_secs(110))).await, commands[12..]);
}

/// By `create` and `replace`, also over what was saved.
pub async fn what_was_written_otherwise_belongs_to_no_run(fixture: &PlaybackArchiveFixture) {
    let run = fixture.archive.open().await.unwrap();
    let (created, replaced) = (samples::id(), samples::id());
    let first = state();
    fixture.archive.create(created, &first).await.unwrap();
    fixture.save(run, &[saved(replaced, &first)]).await;
    let (second, applied) = next(&first);
    let now = samples::moment();
    fixture.archive.replace(replaced, first.version(), &second, Some(&applied), now).await.unwrap();
    assert_eq!(fixture.recall(created).await.unwrap().run, 0);
    assert_eq!(fixture.recall(replaced).await.unwrap().run, 0);
}

/// It may be saved again.
pub async fn a_forgotten_listener_is_not_recalled(fixture: &PlaybackArchiveFixture) {
    let run = fixture.archive.open().await.unwrap();
    let account = samples::id();
    let (state, applied) = next(&state());
    let commands = vec![(applied, samples::moment())];
    fixture.save(run, &[Saved { commands, devices: Some(vec![known()]), ..saved(account, &state) }]).await;
    fixture.archive.forget(account).await.unwrap();
    assert_eq!(fixture.recall(account).await, None);
    assert_eq!(fixture.archive.devices(account).await.unwrap(), []);
    fixture.save(run, &[saved(account, &state)]).await;
    assert_eq!(fixture.recall(account).await.unwrap().commands, []);
}
