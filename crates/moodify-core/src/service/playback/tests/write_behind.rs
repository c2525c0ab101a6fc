//! State that outlives the process.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::AuthFailure;
use crate::memory::WriteBehindPlaybackStore;
use crate::model::AccountId;
use crate::model::event::AccountDeleted;
use crate::port::{COMMAND_MEMORY_MAX, Ended, PlaybackArchive, PlaybackStoreError, Recalled, Saved};

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
async fn who_has_ended_is_turned_away_by_the_next_process_too() {
    let archive = Arc::default();
    let (before, store) = process(&archive);
    let phone = before.join(1, 10).await;
    let account_id = phone.connection.subscriber().account;
    phone.play("c1", 7).await;
    let [revoked, deleted] = [caller(1, 10, before.clock_now()), caller(2, 20, before.clock_now())];
    let event = SessionRevoked { account_id, session_id: revoked.session_id };
    before.playback.session_revoked(&event).await.unwrap();
    let event = AccountDeleted { account_id: deleted.account_id, artist_id: None };
    before.playback.account_deleted(&event).await.unwrap();
    // Killed: what is not in the archive by now is gone.
    drop((phone, store));

    let (after, store) = process(&archive);
    for ended in [&revoked, &deleted] {
        let again = after.playback.connect(ended).await.map(|_| ());
        assert!(matches!(again, Err(Error::Unauthenticated(AuthFailure::InvalidToken))), "{again:?}");
    }
    let mut tablet = after.join(1, 11).await;
    let again = after.playback.auth_refresh(&mut tablet.connection, &revoked).await;
    assert!(matches!(again, Err(Error::Unauthenticated(AuthFailure::InvalidToken))), "{again:?}");
    store.close().await.unwrap();
    let now = after.clock_now();
    assert_eq!(archive.recall(deleted.account_id, now).await.unwrap(), None);
    assert_eq!(archive.devices(deleted.account_id).await.unwrap(), []);
}

#[tokio::test]
async fn an_event_that_could_not_be_noted_comes_again() {
    let archive = Arc::<MemoryPlaybackStore>::default();
    let counting = Counting::on(&archive, 1);
    let stage = Stage::on(counting, Arc::default());
    let revoked = caller(1, 10, stage.clock_now());
    let event = SessionRevoked { account_id: revoked.account_id, session_id: revoked.session_id };
    stage.playback.session_revoked(&event).await.unwrap_err();
    let again = stage.playback.connect(&revoked).await.map(|_| ());
    assert!(matches!(again, Err(Error::Unauthenticated(_))), "this process knows: {again:?}");
    stage.playback.session_revoked(&event).await.unwrap();
    assert!(archive.has_ended(&[Ended::Session(revoked.session_id)]).await.unwrap());
}

#[tokio::test]
async fn many_changes_are_written_at_once() {
    let archive = Arc::<MemoryPlaybackStore>::default();
    let counting = Counting::on(&archive, 0);
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
    let counting = Counting::on(&archive, 2);
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
async fn no_more_waits_to_be_written_than_will_be_remembered() {
    let archive = Arc::<MemoryPlaybackStore>::default();
    let counting = Counting::on(&archive, 1);
    let context = Stage::new().playback.context().clone();
    let store = Arc::new(WriteBehindPlaybackStore::new(counting.clone(), context));
    let stage = Stage::on(store.clone(), Arc::default());
    let account = Uuid::from_u128(1).into();
    let mut state = PlaybackState::initial(Epoch::from(Uuid::nil()), stage.clock_now());
    store.create(account, &state).await.unwrap();
    let mut apply = async |name: &str, count: usize| {
        for n in 0..count {
            let next = PlaybackState { rev: state.rev + 1, ..state.clone() };
            let id = CommandId::parse(&format!("{name}{n}")).unwrap();
            let applied = AppliedCommand { id, version: next.version(), at_us: next.at_us };
            let now = stage.clock_now();
            store.replace(account, state.version(), &next, Some(&applied), now).await.unwrap();
            state = next;
        }
    };
    apply("c", COMMAND_MEMORY_MAX + 5).await;
    assert!(store.flush().await.is_err());
    apply("d", 5).await;
    store.flush().await.unwrap();
    let saved = counting.commands.load(Ordering::Relaxed);
    assert_eq!(saved, 2 * COMMAND_MEMORY_MAX as u64, "tried twice");
    let recalled = archive.recall(account, stage.clock_now()).await.unwrap().unwrap();
    let ids: Vec<_> = recalled.commands.iter().map(|(command, _)| command.id.as_str()).collect();
    assert_eq!((ids[0], *ids.last().unwrap()), ("c10", "d4"), "the newest");
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
    commands: AtomicU64,
    fails: AtomicU64,
}

impl Counting {
    fn on(archive: &Arc<MemoryPlaybackStore>, fails: u64) -> Arc<Self> {
        let none = AtomicU64::default;
        Arc::new(Self { archive: archive.clone(), saves: none(), commands: none(), fails: fails.into() })
    }

    fn fail(&self) -> Result<(), PlaybackStoreError> {
        match self.fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => Err(crate::port::Unavailable::passing("down").into()),
            Err(_) => Ok(()),
        }
    }
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
        let commands: usize = listeners.iter().map(|saved| saved.commands.len()).sum();
        self.commands.fetch_add(commands as u64, Ordering::Relaxed);
        self.fail()?;
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

    async fn note_ended(
        &self,
        who: Ended,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), PlaybackStoreError> {
        self.fail()?;
        self.archive.note_ended(who, until, now).await
    }

    async fn has_ended(&self, who: &[Ended]) -> Result<bool, PlaybackStoreError> {
        self.archive.has_ended(who).await
    }
}
