use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::memory::{FixedClock, LocalSyncHub, MemoryPlaybackStore, MemoryQueue, SeededRng};
use crate::model::event::SessionRevoked;
use crate::model::{
    AppliedCommand, Caller, Capabilities, Command, CommandId, Device, DeviceId, DeviceKind, DeviceName,
    DevicePresence, Operation, PlayWhat, PlaybackVersion, PositionMs, Role, SessionId,
};
use crate::port::{CloseReason, Hint, MAX_BACKLOG, Signal, Signals};

mod convergence;
mod deserted;
mod hearing;
mod set_back;
mod sound;
mod write_behind;

/// More than an hour: whoever is turned away is so for all of it.
const TOKEN_LIFE: Duration = Duration::from_secs(2 * 60 * 60);

/// A service on memory adapters, whose time the test owns.
pub(super) struct Stage {
    pub(super) playback: Playback,
    pub(super) clock: Arc<FixedClock>,
    pub(super) queue: Arc<MemoryQueue>,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::on(Arc::new(MemoryPlaybackStore::default()), Arc::default())
    }

    pub(super) fn on(store: Arc<dyn PlaybackStore>, hub: Arc<LocalSyncHub>) -> Self {
        Self::watched(store, hub, |context| context)
    }

    pub(super) fn watched(
        store: Arc<dyn PlaybackStore>,
        hub: Arc<LocalSyncHub>,
        watch: impl FnOnce(Context) -> Context,
    ) -> Self {
        let clock = Arc::new(FixedClock::default());
        // Two stages may share a hub: their identifiers must differ.
        static SEED: AtomicU64 = AtomicU64::new(0);
        let rng = Arc::new(SeededRng::new(SEED.fetch_add(1, Ordering::Relaxed)));
        let context = watch(Context::new(clock.clone(), rng));
        let queue = Arc::new(MemoryQueue::new());
        let parts = PlaybackParts { store, hub, queue: queue.clone() };
        let playback = Playback::new(parts, context, PlaybackConfig::default(), TOKEN_LIFE);
        Self { playback, clock, queue }
    }

    pub(super) async fn join(&self, account: u128, session: u128) -> Player<'_> {
        let (connection, signals) =
            self.playback.connect(&caller(account, session, self.clock_now())).await.unwrap().unwrap();
        Player { stage: self, connection, signals }
    }

    pub(super) async fn device(&self, account: u128, name: &str) -> Player<'_> {
        let mut player = self.join(account, account).await;
        player.hello(name).await.unwrap();
        player
    }

    pub(super) fn clock_now(&self) -> Timestamp {
        self.playback.context().now()
    }
}

pub(super) struct Player<'a> {
    stage: &'a Stage,
    pub(super) connection: Connection,
    signals: Signals,
}

impl Player<'_> {
    pub(super) async fn hello(&mut self, name: &str) -> Result<Welcome, Refusal> {
        self.stage.playback.hello(&mut self.connection, device(name)).await.unwrap()
    }

    pub(super) async fn send(&self, command: Command) -> Outcome {
        self.stage.playback.command(&self.connection, Turn::Next(command)).await.unwrap()
    }

    pub(super) async fn play(&self, command: &str, track: u128) -> AppliedCommand {
        applied(self.send(play(command, track)).await)
    }

    pub(super) async fn resync(&self, known: Option<PlaybackVersion>) -> Resync {
        self.stage.playback.resync(&self.connection, known).await.unwrap()
    }

    /// What it has heard by now.
    pub(super) fn heard(&mut self) -> Vec<Signal> {
        std::iter::from_fn(|| self.signals.next().now_or_never().flatten()).collect()
    }

    pub(super) fn states(&mut self) -> Vec<PlaybackState> {
        let state = |signal| match signal {
            Signal::Hint(Hint::State(state)) => Some((*state).clone()),
            _ => None,
        };
        self.heard().into_iter().filter_map(state).collect()
    }

    pub(super) fn presences(&mut self) -> Vec<DevicePresence> {
        let presence = |signal| match signal {
            Signal::Hint(Hint::Presence(presence)) => Some((*presence).clone()),
            _ => None,
        };
        self.heard().into_iter().filter_map(presence).collect()
    }

    pub(super) async fn leave(self) {
        self.stage.playback.disconnect(self.connection, self.signals).await.unwrap();
    }
}

pub(super) fn caller(account: u128, session: u128, now: Timestamp) -> Caller {
    Caller {
        account_id: Uuid::from_u128(account).into(),
        session_id: Uuid::from_u128(session).into(),
        role: Role::User,
        artist_id: None,
        name: "Ada".to_owned(),
        expires_at: now + jiff::SignedDuration::from_mins(10),
    }
}

pub(super) fn device(name: &str) -> Device {
    Device {
        id: DeviceId::parse(name).unwrap(),
        name: DeviceName::parse(name).unwrap(),
        kind: DeviceKind::Phone,
        capabilities: Capabilities::default(),
    }
}

pub(super) fn command(id: &str, operation: Operation) -> Command {
    Command { id: CommandId::parse(id).unwrap(), expect: None, operation }
}

pub(super) fn play(id: &str, track: u128) -> Command {
    let what = Some(PlayWhat::Track(Uuid::from_u128(track).into()));
    command(id, Operation::Play { what, position_ms: None })
}

pub(super) fn applied(outcome: Outcome) -> AppliedCommand {
    match outcome {
        Outcome::Applied { applied, .. } => applied,
        refused @ Outcome::Refused { .. } => panic!("{refused:?}"),
    }
}

pub(super) fn refusal(outcome: Outcome) -> (Refusal, Option<PlaybackState>) {
    match outcome {
        Outcome::Refused { refusal, state } => (refusal, state.map(|state| *state)),
        Outcome::Applied { applied, .. } => panic!("{applied:?}"),
    }
}

#[tokio::test]
async fn a_command_reaches_the_listeners_other_devices_only() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    let mut speaker = stage.device(1, "speaker").await;
    let mut nameless = stage.join(1, 1).await;
    let mut stranger = stage.device(2, "phone").await;
    phone.heard();

    let applied = phone.play("c1", 7).await;

    let due = stage.clock_now() + Duration::from_millis(150);
    assert_eq!((applied.version.rev, applied.at_us), (1, due.as_microsecond()));
    let states = speaker.states();
    assert_eq!(states.len(), 1);
    assert_eq!((states[0].version(), states[0].at_us), (applied.version, applied.at_us));
    let cause = states[0].cause.clone().unwrap();
    assert_eq!((cause.command_id.as_str(), cause.device_id), ("c1", Some(device("phone").id)));
    assert_eq!(nameless.states(), states);
    assert_eq!(phone.heard(), []);
    assert_eq!(stranger.heard(), []);
}

#[tokio::test]
async fn a_repeated_command_is_answered_and_not_applied_again() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let mut speaker = stage.device(1, "speaker").await;
    let first = phone.play("c1", 7).await;
    phone.play("c2", 8).await;
    speaker.heard();

    stage.clock.advance(Duration::from_secs(599));
    assert_eq!(phone.play("c1", 7).await, first);
    assert_eq!(speaker.play("c1", 7).await, first, "whatever socket it comes through");
    assert_eq!(speaker.heard(), []);

    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(phone.play("c1", 7).await.version.rev, 3);
}

#[tokio::test]
async fn a_command_for_another_state_is_refused_with_the_current_one() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let applied = phone.play("c1", 7).await;
    let other_epoch = PlaybackVersion { epoch: Epoch::from(Uuid::nil()), ..applied.version };
    let old = PlaybackVersion { rev: 0, ..applied.version };
    for expected in [old, other_epoch] {
        let pause = Command { expect: Some(expected), ..command("c2", Operation::Pause) };
        let (why, state) = refusal(phone.send(pause).await);
        assert_eq!((why, state.unwrap().version()), (Refusal::Stale, applied.version));
    }
    let pause = Command { expect: Some(applied.version), ..command("c2", Operation::Pause) };
    assert!(matches!(phone.send(pause).await, Outcome::Applied { .. }));
}

#[tokio::test]
async fn out_of_turn_commands_change_nothing_but_repetitions_are_answered() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let first = phone.play("c1", 7).await;
    let send = async |turn| stage.playback.command(&phone.connection, turn).await.unwrap();
    assert_eq!(applied(send(Turn::Passed(play("c1", 7))).await), first);
    assert_eq!(refusal(send(Turn::Passed(play("c2", 8))).await).0, Refusal::SequencePassed);
    assert_eq!(refusal(send(Turn::Gap(play("c3", 8))).await).0, Refusal::SequenceGap);
    assert_eq!(phone.resync(Some(first.version)).await, Resync::Unchanged);
}

#[tokio::test]
async fn resync_tells_only_what_is_new() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let speaker = stage.device(1, "speaker").await;
    let applied = phone.play("c1", 7).await;
    assert_eq!(speaker.resync(Some(applied.version)).await, Resync::Unchanged);
    let behind = PlaybackVersion { rev: 0, ..applied.version };
    let elsewhere = PlaybackVersion { epoch: Epoch::from(Uuid::nil()), ..applied.version };
    for known in [None, Some(behind), Some(elsewhere)] {
        let Resync::Changed(state) = speaker.resync(known).await else { panic!("{known:?}") };
        assert_eq!(state.version(), applied.version);
    }
}

#[tokio::test]
async fn a_lost_store_begins_a_new_epoch() {
    let hub = Arc::new(LocalSyncHub::default());
    let before = Stage::on(Arc::new(MemoryPlaybackStore::default()), hub.clone());
    let known = before.device(1, "phone").await.play("c1", 7).await.version;
    let after = Stage::on(Arc::new(MemoryPlaybackStore::default()), hub);
    let phone = after.device(1, "phone").await;
    let Resync::Changed(state) = phone.resync(Some(known)).await else { panic!("unchanged") };
    assert_ne!(state.epoch, known.epoch);
    assert_eq!((state.rev, state.playing), (0, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_many_devices_make_one_history() {
    let (store, hub) = (Arc::new(MemoryPlaybackStore::default()), Arc::new(LocalSyncHub::default()));
    let mut tasks = tokio::task::JoinSet::new();
    // Two nodes with one store and one hub, two devices on each.
    for node in 0..2 {
        let stage = Arc::new(Stage::on(store.clone(), hub.clone()));
        for sender in 0..2 {
            let stage = stage.clone();
            tasks.spawn(async move {
                let phone = stage.join(1, 1).await;
                let mut revs = Vec::new();
                for n in 0..100 {
                    let command = play(&format!("{node}:{sender}:{n}"), n + 1);
                    match stage.playback.command(&phone.connection, Turn::Next(command)).await {
                        Ok(outcome) => revs.push(applied(outcome).version.rev),
                        Err(Error::Busy { .. }) => {}
                        Err(fault) => panic!("{fault}"),
                    }
                }
                assert!(revs.is_sorted());
                revs
            });
        }
    }
    let mut revs = tasks.join_all().await.concat();
    revs.sort_unstable();
    assert!(!revs.is_empty());
    assert_eq!(revs, (1..=revs.len() as u64).collect::<Vec<_>>(), "each revision belongs to one command");
}

#[tokio::test]
async fn seek_and_pause_move_everybody() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let mut speaker = stage.device(1, "speaker").await;
    phone.play("c1", 7).await;
    speaker.heard();
    let position_ms = PositionMs::saturating(60_000);
    phone.send(command("c2", Operation::Seek { position_ms })).await;
    stage.clock.advance(Duration::from_millis(2_150));
    phone.send(command("c3", Operation::Pause)).await;
    let states = speaker.states();
    assert_eq!(states.iter().map(|s| (s.rev, s.playing)).collect::<Vec<_>>(), [(2, true), (3, false)]);
    assert_eq!(states[0].position_ms, position_ms);
    assert_eq!(states[1].position_ms.as_ms(), 62_000);
}

#[tokio::test]
async fn devices_see_each_other_come_and_go() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    let mut speaker = stage.join(1, 1).await;
    let welcome = speaker.hello("speaker").await.unwrap();
    let listed =
        |w: &Welcome| w.devices.iter().map(|d| (d.device.id.to_string(), d.online)).collect::<Vec<_>>();
    assert_eq!(listed(&welcome), [("phone".to_owned(), true), ("speaker".to_owned(), true)]);
    assert_eq!(phone.presences(), [welcome.devices[1].clone()]);

    stage.clock.advance(Duration::from_secs(5));
    let left_at = stage.clock_now();
    speaker.leave().await;
    let gone = DevicePresence { online: false, last_seen: left_at, ..welcome.devices[1].clone() };
    assert_eq!(phone.presences(), std::slice::from_ref(&gone));
    assert_eq!(phone.hello("phone").await.unwrap().devices[1], gone);
}

#[tokio::test]
async fn a_device_with_two_connections_goes_with_the_last() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    let (first, second) = (stage.device(1, "web").await, stage.device(1, "web").await);
    phone.heard();
    first.leave().await;
    assert_eq!(phone.presences(), []);
    second.leave().await;
    assert_eq!(phone.presences().len(), 1);
}

#[tokio::test]
async fn a_device_is_announced_when_it_comes_and_when_it_is_another() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    let mut web = stage.device(1, "web").await;
    assert_eq!(phone.presences().len(), 1);
    web.hello("web").await.unwrap();
    let second = stage.device(1, "web").await;
    assert_eq!(phone.presences(), [], "it was there");
    let renamed = Device { name: DeviceName::parse("Kitchen").unwrap(), ..device("web") };
    stage.playback.hello(&mut web.connection, renamed.clone()).await.unwrap().unwrap();
    let told: Vec<_> = phone.presences().into_iter().map(|told| told.device).collect();
    assert_eq!(told, std::slice::from_ref(&renamed));
    second.leave().await;
    web.leave().await;
    phone.heard();
    let mut web = stage.join(1, 1).await;
    stage.playback.hello(&mut web.connection, renamed).await.unwrap().unwrap();
    assert_eq!(phone.presences().len(), 1, "it is back");
}

#[tokio::test]
async fn a_connection_is_one_device() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    assert_eq!(phone.hello("tablet").await.unwrap_err(), Refusal::OtherDevice);
    assert!(phone.hello("phone").await.is_ok());
}

#[tokio::test]
async fn there_is_room_for_so_many_devices() {
    let stage = Stage::new();
    let max = stage.playback.config().max_devices;
    let mut devices = Vec::new();
    for n in 0..max {
        stage.clock.advance(Duration::from_secs(1));
        devices.push(stage.device(1, &format!("device-{n:02}")).await);
    }
    let mut late = stage.join(1, 1).await;
    assert_eq!(late.hello("late").await.unwrap_err(), Refusal::TooManyDevices);
    assert!(stage.join(2, 2).await.hello("late").await.is_ok(), "others have their own room");

    // The one that has been away longest is forgotten, however it left.
    for n in [7, 3] {
        stage.clock.advance(Duration::from_secs(1));
        devices.remove(n).leave().await;
    }
    let known = late.hello("late").await.unwrap().devices;
    assert_eq!(known.len(), max);
    let has = |id: &str| known.iter().any(|known| known.device.id.as_str() == id);
    assert!(!has("device-07") && has("device-03") && has("late"));
}

#[tokio::test]
async fn connections_are_limited_too() {
    let stage = Stage::new();
    let mut open = Vec::new();
    for _ in 0..stage.playback.config().max_devices * 2 {
        open.push(stage.join(1, 1).await);
    }
    let refused = stage.playback.connect(&caller(1, 1, stage.clock_now())).await.unwrap();
    assert_eq!(refused.err(), Some(Refusal::TooManyDevices));
    drop(open.pop());
    assert!(stage.playback.connect(&caller(1, 1, stage.clock_now())).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_revoked_session_closes_its_connections_only() {
    let stage = Stage::new();
    let mut revoked = [stage.join(1, 10).await, stage.join(1, 10).await];
    let mut others = [stage.join(1, 11).await, stage.join(2, 10).await];
    let account_id = Uuid::from_u128(1).into();
    let event = SessionRevoked { account_id, session_id: SessionId::from(Uuid::from_u128(10)) };
    stage.playback.session_revoked(&event).await.unwrap();
    for player in &mut revoked {
        assert_eq!(player.heard(), [Signal::Close(CloseReason::SessionRevoked)]);
    }
    for player in &mut others {
        assert_eq!(player.heard(), []);
    }
}

#[tokio::test]
async fn a_new_token_of_the_same_account_keeps_the_connection() {
    let stage = Stage::new();
    let mut phone = stage.join(1, 10).await;
    stage.clock.advance(Duration::from_secs(60));
    let newer = caller(1, 11, stage.clock_now());
    let foreign = caller(2, 12, stage.clock_now());
    let before = phone.connection.expires_at();
    let refresh = async |phone: &mut Player<'_>, caller| {
        stage.playback.auth_refresh(&mut phone.connection, caller).await.unwrap()
    };
    assert_eq!(refresh(&mut phone, &foreign).await, Err(Refusal::OtherAccount));
    assert_eq!(phone.connection.expires_at(), before);
    assert_eq!(refresh(&mut phone, &newer).await, Ok(newer.expires_at));
    assert_eq!(phone.connection.expires_at(), newer.expires_at);

    let revoke = async |session| {
        let event = SessionRevoked { account_id: newer.account_id, session_id: session };
        stage.playback.session_revoked(&event).await.unwrap();
    };
    revoke(Uuid::from_u128(10).into()).await;
    assert_eq!(phone.heard(), [], "its old session is of no consequence any more");
    revoke(newer.session_id).await;
    assert_eq!(phone.heard(), [Signal::Close(CloseReason::SessionRevoked)]);
}

#[tokio::test]
async fn a_token_that_has_expired_opens_and_keeps_nothing() {
    let stage = Stage::new();
    let mut phone = stage.join(1, 10).await;
    let before = phone.connection.expires_at();
    // The reader of tokens allows for clocks that differ, and lets it pass.
    let expired = Caller { expires_at: stage.clock_now(), ..caller(1, 11, stage.clock_now()) };
    let refused = stage.playback.connect(&expired).await.map(|_| ());
    assert!(matches!(refused, Err(Error::Unauthenticated(AuthFailure::ExpiredToken))), "{refused:?}");
    let refused = stage.playback.auth_refresh(&mut phone.connection, &expired).await;
    assert!(matches!(refused, Err(Error::Unauthenticated(AuthFailure::ExpiredToken))), "{refused:?}");
    assert_eq!(phone.connection.expires_at(), before);
}

#[tokio::test]
async fn a_connection_that_does_not_read_is_closed_and_catches_up() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let mut slow = stage.device(1, "slow").await;
    let mut last = None;
    for n in 0..=MAX_BACKLOG as u128 {
        last = Some(phone.play(&format!("c{n}"), n + 1).await);
    }
    let heard = slow.heard();
    assert_eq!(heard.last(), Some(&Signal::Close(CloseReason::TooSlow)));
    let back = stage.device(1, "slow").await;
    assert_eq!(back.resync(last.map(|last| last.version)).await, Resync::Unchanged);
}
