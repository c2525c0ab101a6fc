//! What becomes of playback when Redis loses it.

use std::sync::Arc;

use moodify_core::conformance::samples;
use moodify_core::memory::MemoryPlaybackStore;
use moodify_core::model::{
    AccountId, AppliedCommand, Capabilities, CommandId, Device, DeviceId, DeviceKind, DeviceName,
    PlaybackState, Timestamp,
};
use moodify_core::port::{PlaybackArchive, PlaybackStore, PlaybackStoreError};

use crate::server::RedisServer;
use crate::slot::Slot;
use crate::{bounded, now, state, until};

/// What a listener has.
struct Listener {
    account: AccountId,
    state: PlaybackState,
    command: AppliedCommand,
    device: Device,
}

impl Listener {
    async fn new(store: &dyn PlaybackStore) -> Self {
        let device = Device {
            id: DeviceId::parse("phone").unwrap(),
            name: DeviceName::parse("Phone").unwrap(),
            kind: DeviceKind::Phone,
            capabilities: Capabilities::default(),
        };
        let first = state(40);
        let next = PlaybackState { rev: 41, ..first.clone() };
        let id = CommandId::parse("c41").unwrap();
        let command = AppliedCommand { id, version: next.version(), at_us: next.at_us };
        let account = samples::id();
        store.create(account, &first).await.unwrap();
        store.replace(account, first.version(), &next, Some(&command), now()).await.unwrap();
        store.put_device(account, &device, now()).await.unwrap();
        Self { account, state: next, command, device }
    }

    async fn is_archived(&self, archive: &MemoryPlaybackStore) {
        until("it is written to the archive", async || {
            let recalled = archive.recall(self.account, now()).await.unwrap();
            let devices = archive.devices(self.account).await.unwrap();
            recalled.is_some_and(|there| there.state.rev == self.state.rev && !there.commands.is_empty())
                && devices.len() == 1
        })
        .await;
    }

    /// The same in a new epoch, with the command and the device.
    async fn is_restored(&self, store: &dyn PlaybackStore) -> PlaybackState {
        // Asked for first: a repetition must not be applied again.
        let applied = store.applied(self.account, &self.command.id, now()).await.unwrap();
        assert_eq!(applied.as_ref(), Some(&self.command));
        let restored = store.load(self.account).await.unwrap().expect("a state");
        assert_ne!(restored.epoch, self.state.epoch);
        assert_eq!(restored, PlaybackState { epoch: restored.epoch, ..self.state.clone() });
        let devices = store.devices(self.account).await.unwrap();
        assert_eq!(devices.iter().map(|known| &known.device).collect::<Vec<_>>(), [&self.device]);
        assert_eq!(store.load(self.account).await.unwrap().as_ref(), Some(&restored), "one epoch for all");
        let next = PlaybackState { rev: restored.rev + 1, ..restored.clone() };
        let late = store.replace(self.account, self.state.version(), &next, None, now()).await;
        assert!(matches!(late, Err(PlaybackStoreError::Conflict)), "{late:?}");
        store.replace(self.account, restored.version(), &next, None, now()).await.unwrap();
        next
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lost_everything_goes_on_from_the_archive() {
    let Some(server) = RedisServer::start() else { return };
    let slot = Slot::on(&server.url());
    let archive = Arc::new(MemoryPlaybackStore::default());
    let (one, other) = (slot.redis(Some(archive.clone())).await, slot.redis(Some(archive.clone())).await);
    let listener = Listener::new(&*one.playback_store()).await;
    listener.is_archived(&archive).await;
    server.stop();
    server.start_again();
    until("it is found again", async || one.check().await.is_ok() && other.check().await.is_ok()).await;
    let stores = [one.playback_store(), other.playback_store()];
    let [first, second] = [&stores[0], &stores[1]].map(|store| store.load(listener.account));
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap().unwrap().epoch, second.unwrap().unwrap().epoch, "both at once make one epoch");
    let next = listener.is_restored(&*stores[0]).await;
    until("it is archived again", async || {
        archive.load(listener.account).await.unwrap().as_ref() == Some(&next)
    })
    .await;
}

/// What it has forgotten was answered: the numbers that follow must not pass for those.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lost_its_last_moments_goes_on_from_the_archive() {
    let Some(server) = RedisServer::start_with(&["--save", "3600 1000000", "--appendonly", "no"]) else {
        return;
    };
    let slot = Slot::on(&server.url());
    let archive = Arc::new(MemoryPlaybackStore::default());
    let redis = slot.redis(Some(archive.clone())).await;
    let store = redis.playback_store();
    let mut listener = Listener::new(&*store).await;
    listener.is_archived(&archive).await;
    server.control(&["SAVE"]);
    let next = PlaybackState { rev: 42, ..listener.state.clone() };
    store.replace(listener.account, listener.state.version(), &next, None, now()).await.unwrap();
    listener.state = next;
    listener.is_archived(&archive).await;
    server.stop();
    server.start_again();
    until("it is found again", async || redis.check().await.is_ok()).await;
    listener.is_restored(&*store).await;
}

/// Also without an archive, and also if nothing is missing: nobody can tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_started_again_begins_new_epochs() {
    let Some(server) = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let redis = Slot::on(&server.url()).redis(None).await;
    let store = redis.playback_store();
    let listener = Listener::new(&*store).await;
    server.stop();
    server.start_again();
    until("it is found again", async || redis.check().await.is_ok()).await;
    listener.is_restored(&*store).await;
}

/// Nor does a process that writes it just then bring it back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_forgotten_is_forgotten_everywhere() {
    let Some(slot) = Slot::take() else { return };
    let archive = Arc::new(MemoryPlaybackStore::default());
    let redis = slot.redis(Some(archive.clone())).await;
    let store = redis.playback_store();
    let listener = Listener::new(&*store).await;
    listener.is_archived(&archive).await;
    store.forget(listener.account).await.unwrap();
    assert_eq!(store.load(listener.account).await.unwrap(), None);
    // As if it had been read before, and was written only now.
    archive.create(listener.account, &listener.state).await.unwrap();
    store.forget(listener.account).await.unwrap();
    until("it is gone", async || archive.load(listener.account).await.unwrap().is_none()).await;
    bounded(redis.close()).await;
    assert_eq!(archive.load(listener.account).await.unwrap(), None);
}

/// A process that ends writes what it has; another one goes on at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_writes_and_another_takes_over() {
    let Some(slot) = Slot::take() else { return };
    let archive = Arc::new(MemoryPlaybackStore::default());
    let first = slot.redis(Some(archive.clone())).await;
    Listener::new(&*first.playback_store()).await.is_archived(&archive).await;
    let second = slot.redis(Some(archive.clone())).await;
    let listener = Listener::new(&*first.playback_store()).await;
    bounded(first.close()).await;
    let at = |state: Option<PlaybackState>| state.map(|state| state.rev);
    assert_eq!(at(archive.load(listener.account).await.unwrap()), Some(listener.state.rev));
    drop(first);
    let begun: Timestamp = now();
    Listener::new(&*second.playback_store()).await.is_archived(&archive).await;
    assert!(now().duration_since(begun).as_secs() < 12, "nobody waits for the end of an office");
}
