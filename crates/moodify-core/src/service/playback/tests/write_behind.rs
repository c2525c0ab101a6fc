//! State that outlives the process.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::memory::WriteBehindPlaybackStore;
use crate::model::AccountId;
use crate::port::{PlaybackArchive, PlaybackStoreError, Recalled, Saved};

/// A process on an archive.
fn process(archive: &Arc<MemoryPlaybackStore>) -> (Stage, Arc<WriteBehindPlaybackStore>) {
    let context = Stage::new();
    let context = context.playback.context().clone();
    let store = Arc::new(WriteBehindPlaybackStore::new(archive.clone(), context));
    (Stage::on(store.clone(), Arc::default()), store)
}

#[tokio::test]
async fn a_closed_store_goes_on_as_if_nothing_had_been() {
    let archive = Arc::default();
    let (before, store) = process(&archive);
    let phone = before.device(1, "phone").await;
    let applied = phone.play("c1", 7).await;
    store.close().await.unwrap();

    let (after, _) = process(&archive);
    let phone = after.device(1, "phone").await;
    assert_eq!(phone.resync(Some(applied.version)).await, Resync::Unchanged);
    assert_eq!(phone.play("c1", 7).await, applied, "the command is known");
    assert_eq!(phone.play("c2", 8).await.version.rev, 2);
}

#[tokio::test]
async fn after_a_crash_what_was_written_begins_a_new_epoch() {
    let archive = Arc::default();
    let (before, store) = process(&archive);
    let phone = before.device(1, "phone").await;
    phone.play("c1", 7).await;
    store.flush().await.unwrap();
    let lost = phone.play("c2", 8).await;

    let (after, store) = process(&archive);
    let phone = after.device(1, "phone").await;
    let Resync::Changed(state) = phone.resync(Some(lost.version)).await else { panic!("unchanged") };
    assert_ne!(state.epoch, lost.version.epoch);
    assert_eq!((state.rev, state.current().unwrap().track_id), (1, Uuid::from_u128(7).into()));
    assert_eq!(phone.play("c1", 7).await.version.rev, 1, "what was written is known");
    assert_eq!(phone.play("c2", 8).await.version.rev, 2, "what was lost is not");

    store.close().await.unwrap();
    let (third, _) = process(&archive);
    let Resync::Changed(same) = third.device(1, "phone").await.resync(Some(lost.version)).await else {
        panic!("unchanged")
    };
    assert_eq!(same.epoch, state.epoch, "the one after a close is no other");
}

#[tokio::test]
async fn many_changes_are_written_at_once() {
    let archive = Arc::<MemoryPlaybackStore>::default();
    let counting =
        Arc::new(Counting { archive: archive.clone(), saves: AtomicU64::new(0), fails: AtomicU64::new(0) });
    let context = Stage::new().playback.context().clone();
    let store = Arc::new(WriteBehindPlaybackStore::new(counting.clone(), context));
    let stage = Stage::on(store.clone(), Arc::default());
    for account in 0..20 {
        let phone = stage.device(account, "phone").await;
        for n in 0..50 {
            phone.play(&format!("c{n}"), n + 1).await;
        }
    }
    store.flush().await.unwrap();
    store.flush().await.unwrap();
    assert_eq!(counting.saves.load(Ordering::Relaxed), 1);
    let now = stage.clock_now();
    let recalled = archive.recall(Uuid::from_u128(3).into(), now).await.unwrap().unwrap();
    assert_eq!((recalled.state.rev, recalled.commands.len()), (50, 50));
}

#[tokio::test]
async fn what_could_not_be_written_is_written_later() {
    let archive = Arc::<MemoryPlaybackStore>::default();
    let counting =
        Arc::new(Counting { archive: archive.clone(), saves: AtomicU64::new(0), fails: AtomicU64::new(2) });
    let context = Stage::new().playback.context().clone();
    let store = Arc::new(WriteBehindPlaybackStore::new(counting, context));
    let stage = Stage::on(store.clone(), Arc::default());
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    assert!(store.flush().await.is_err());
    phone.play("c2", 8).await;
    assert!(store.flush().await.is_err());
    store.flush().await.unwrap();
    let account = phone.connection.subscriber().account;
    let recalled = archive.recall(account, stage.clock_now()).await.unwrap().unwrap();
    let commands: Vec<_> = recalled.commands.iter().map(|(command, _)| command.id.as_str()).collect();
    assert_eq!((recalled.state.rev, commands), (2, vec!["c1", "c2"]));
    assert_eq!(archive.devices(account).await.unwrap().len(), 1);
}

#[tokio::test]
async fn it_is_written_within_a_second_without_being_told() {
    let archive = Arc::<MemoryPlaybackStore>::default();
    let clock = Stage::new();
    let store = Arc::new(WriteBehindPlaybackStore::new(archive.clone(), clock.playback.context().clone()));
    let stage = Stage::on(store.clone(), Arc::default());
    let stop = CancellationToken::new();
    let writing = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move { store.run(&stop).await }
    });
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    let account = phone.connection.subscriber().account;
    let is_written = async || archive.recall(account, clock.clock_now()).await.unwrap().is_some();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!is_written().await);
    clock.clock.advance(Duration::from_millis(500));
    while !is_written().await {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    writing.await.unwrap();
}

/// An archive that counts how often it is written, and fails at first.
struct Counting {
    archive: Arc<MemoryPlaybackStore>,
    saves: AtomicU64,
    fails: AtomicU64,
}

#[async_trait::async_trait]
impl PlaybackArchive for Counting {
    async fn open(&self) -> Result<u64, PlaybackStoreError> {
        self.archive.open().await
    }

    async fn recall(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<Recalled>, PlaybackStoreError> {
        self.archive.recall(account, now).await
    }

    async fn save(&self, run: u64, listeners: &[Saved], now: Timestamp) -> Result<(), PlaybackStoreError> {
        if self.fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err(crate::port::Unavailable::passing("down").into());
        }
        self.saves.fetch_add(1, Ordering::Relaxed);
        self.archive.save(run, listeners, now).await
    }

    async fn close(&self, run: u64) -> Result<(), PlaybackStoreError> {
        self.archive.close(run).await
    }
}

#[async_trait::async_trait]
impl PlaybackStore for Counting {
    async fn load(&self, account: AccountId) -> Result<Option<PlaybackState>, PlaybackStoreError> {
        self.archive.load(account).await
    }

    async fn create(&self, account: AccountId, state: &PlaybackState) -> Result<(), PlaybackStoreError> {
        self.archive.create(account, state).await
    }

    async fn replace(
        &self,
        account: AccountId,
        expected: PlaybackVersion,
        state: &PlaybackState,
        command: Option<&AppliedCommand>,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        self.archive.replace(account, expected, state, command, now).await
    }

    async fn applied(
        &self,
        account: AccountId,
        command: &CommandId,
        now: Timestamp,
    ) -> Result<Option<AppliedCommand>, PlaybackStoreError> {
        self.archive.applied(account, command, now).await
    }

    async fn put_device(
        &self,
        account: AccountId,
        device: &Device,
        seen: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        self.archive.put_device(account, device, seen).await
    }

    async fn devices(
        &self,
        account: AccountId,
    ) -> Result<Vec<crate::model::KnownDevice>, PlaybackStoreError> {
        self.archive.devices(account).await
    }

    async fn remove_device(&self, account: AccountId, device: &DeviceId) -> Result<(), PlaybackStoreError> {
        self.archive.remove_device(account, device).await
    }

    async fn forget(&self, account: AccountId) -> Result<(), PlaybackStoreError> {
        self.archive.forget(account).await
    }
}
