//! Holds a [`PlaybackStore`] to its contract.

use std::{any::Any, collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::join_all;
use uuid::Uuid;

use super::{Keep, samples};
use crate::model::{
    AccountId, AppliedCommand, Capabilities, Capability, Cause, CommandId, Device, DeviceId, DeviceKind,
    DeviceName, Epoch, KnownDevice, PlayQueue, PlaybackMode, PlaybackState, PositionMs, QueueEntry, Rate,
    Repeat, Timestamp, Transfer, Volume,
};
use crate::port::{COMMAND_MEMORY, Ended, PlaybackStore, PlaybackStoreError};

/// An empty store.
pub struct PlaybackStoreFixture {
    /// The store under test.
    pub store: Arc<dyn PlaybackStore>,
    /// What must live as long as the store.
    pub keep: Keep,
}

impl PlaybackStoreFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the store.
    pub fn new(store: Arc<dyn PlaybackStore>, keep: impl Any + Send + Sync) -> Self {
        Self { store, keep: Box::new(keep) }
    }

    /// A listener with this state.
    async fn listener(&self, state: &PlaybackState) -> AccountId {
        let account = samples::id();
        self.store.create(account, state).await.unwrap();
        account
    }

    async fn assert_state(&self, account: AccountId, expected: &PlaybackState) {
        assert_eq!(self.store.load(account).await.unwrap().as_ref(), Some(expected));
    }

    async fn assert_devices(&self, account: AccountId, expected: &[&KnownDevice]) {
        let found = self.store.devices(account).await.unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    }
}

/// Makes a module of named tests that hold a store to the contract of
/// [`PlaybackStore`](crate::port::PlaybackStore).
#[macro_export]
macro_rules! playback_store_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            playback_store,
            $name,
            $fixture,
            [
                nothing_at_first,
                a_state_comes_back_whole,
                create_spares_the_state_that_is_there,
                concurrent_creates_let_one_win,
                replace_takes_the_expected_state_only,
                a_refused_replace_remembers_no_command,
                concurrent_replaces_let_one_win,
                no_change_is_lost_among_many,
                a_command_is_remembered_for_ten_minutes,
                commands_are_remembered_for_their_listener,
                many_commands_are_remembered,
                devices_come_in_the_order_of_their_ids,
                a_device_is_replaced_whole,
                devices_belong_to_their_listener,
                a_removed_device_is_gone,
                a_change_without_a_command_is_kept_too,
                a_forgotten_listener_is_as_if_never_there,
                who_has_ended_is_known_until_it_may_be_forgotten,
            ]
        );
    };
}

/// A state in which every field says something.
pub(super) fn state() -> PlaybackState {
    let entry = || QueueEntry::new(samples::id(), samples::id());
    let mut queue: PlayQueue = [entry(), entry(), entry()].into_iter().collect();
    queue.shuffle(Some(2), 7);
    PlaybackState {
        epoch: Epoch::from(samples::id::<Uuid>()),
        rev: 41,
        queue,
        queue_rev: 7,
        index: Some(2),
        play_id: Some(samples::id::<Uuid>().into()),
        playing: true,
        position_ms: PositionMs::saturating(183_041),
        at_us: samples::moment().as_microsecond(),
        rate: Rate::try_from(1.25).unwrap(),
        repeat: Repeat::All,
        shuffle: true,
        volumes: BTreeMap::from([(device().id, Volume::MAX), (device().id, Volume::try_from(0).unwrap())]),
        active_device: Some(device().id),
        mode: PlaybackMode::Group,
        group: vec![device().id, device().id],
        transfer: Some(Transfer {
            command_id: command(),
            to: vec![device().id],
            ready: vec![device().id],
            until_us: samples::moment().as_microsecond(),
        }),
        cause: Some(Cause { command_id: command(), device_id: Some(device().id) }),
    }
}

/// The state that follows, by a command.
pub(super) fn next(state: &PlaybackState) -> (PlaybackState, AppliedCommand) {
    let id = command();
    let cause = Some(Cause { command_id: id.clone(), device_id: None });
    let next = PlaybackState { rev: state.rev + 1, playing: !state.playing, cause, ..state.clone() };
    let applied = AppliedCommand { id, version: next.version(), at_us: next.at_us };
    (next, applied)
}

fn command() -> CommandId {
    CommandId::parse(&samples::word()).unwrap()
}

/// A device with an id of its own.
pub(super) fn device() -> Device {
    let names = ["audio", "volume", "x:lyrics.v2"].map(|name| Capability::parse(name).unwrap());
    Device {
        id: DeviceId::parse(&format!("Phone_{}:1.0-b", samples::word())).unwrap(),
        name: DeviceName::parse("Zoë's \"phone\" 📱").unwrap(),
        kind: DeviceKind::Phone,
        capabilities: Capabilities::new(names).unwrap(),
    }
}

pub(super) fn known() -> KnownDevice {
    KnownDevice { device: device(), last_seen: samples::moment() }
}

async fn put(fixture: &PlaybackStoreFixture, account: AccountId, known: &KnownDevice) {
    fixture.store.put_device(account, &known.device, known.last_seen).await.unwrap();
}

fn conflicts(answer: &Result<(), PlaybackStoreError>) -> bool {
    matches!(answer, Err(PlaybackStoreError::Conflict))
}

/// A listener that nobody has heard of has no state, no commands and no devices.
pub async fn nothing_at_first(fixture: &PlaybackStoreFixture) {
    let account = samples::id();
    assert_eq!(fixture.store.load(account).await.unwrap(), None);
    assert_eq!(fixture.store.applied(account, &command(), samples::moment()).await.unwrap(), None);
    fixture.assert_devices(account, &[]).await;
}

/// A state is read as it was stored, by `create` and by `replace`; an empty one too.
pub async fn a_state_comes_back_whole(fixture: &PlaybackStoreFixture) {
    let first = PlaybackState::initial(Epoch::from(samples::id::<Uuid>()), samples::moment());
    let account = fixture.listener(&first).await;
    fixture.assert_state(account, &first).await;
    let second = PlaybackState { epoch: first.epoch, rev: 1, ..state() };
    let (_, applied) = next(&first);
    fixture
        .store
        .replace(account, first.version(), &second, Some(&applied), samples::moment())
        .await
        .unwrap();
    fixture.assert_state(account, &second).await;
}

/// Where there is a state, `create` conflicts and changes nothing.
pub async fn create_spares_the_state_that_is_there(fixture: &PlaybackStoreFixture) {
    let (mine, other) = (state(), state());
    let account = fixture.listener(&mine).await;
    assert!(conflicts(&fixture.store.create(account, &other).await));
    fixture.assert_state(account, &mine).await;
}

/// Of twenty first states one is stored.
pub async fn concurrent_creates_let_one_win(fixture: &PlaybackStoreFixture) {
    let account = samples::id();
    let calls = (0..20).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move {
            let state = state();
            (store.create(account, &state).await, state)
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let winners: Vec<_> = answers.iter().filter(|(answer, _)| answer.is_ok()).collect();
    assert!(answers.iter().all(|(answer, _)| answer.is_ok() || conflicts(answer)));
    assert_eq!(winners.len(), 1);
    fixture.assert_state(account, &winners[0].1).await;
}

/// Another revision, another epoch or no state at all: nothing is replaced.
pub async fn replace_takes_the_expected_state_only(fixture: &PlaybackStoreFixture) {
    let current = state();
    let account = fixture.listener(&current).await;
    let (following, applied) = next(&current);
    let version = current.version();
    let older = crate::model::PlaybackVersion { rev: version.rev - 1, ..version };
    let newer = crate::model::PlaybackVersion { rev: version.rev + 1, ..version };
    let elsewhere = crate::model::PlaybackVersion { epoch: Epoch::from(samples::id::<Uuid>()), ..version };
    for wrong in [older, newer, elsewhere] {
        let answer =
            fixture.store.replace(account, wrong, &following, Some(&applied), samples::moment()).await;
        assert!(conflicts(&answer), "{wrong:?}");
    }
    fixture.assert_state(account, &current).await;

    let nobody = samples::id();
    let answer = fixture.store.replace(nobody, version, &following, Some(&applied), samples::moment()).await;
    assert!(conflicts(&answer));
    assert_eq!(fixture.store.load(nobody).await.unwrap(), None);
}

/// The command of a conflict has not been applied, and is not answered as if it had.
pub async fn a_refused_replace_remembers_no_command(fixture: &PlaybackStoreFixture) {
    let current = state();
    let account = fixture.listener(&current).await;
    let (following, applied) = next(&current);
    let now = samples::moment();
    let wrong = following.version();
    assert!(conflicts(&fixture.store.replace(account, wrong, &following, Some(&applied), now).await));
    assert_eq!(fixture.store.applied(account, &applied.id, now).await.unwrap(), None);
}

/// Of twenty changes of one state one is stored, and only its command is remembered.
pub async fn concurrent_replaces_let_one_win(fixture: &PlaybackStoreFixture) {
    let current = state();
    let account = fixture.listener(&current).await;
    let now = samples::moment();
    let calls = (0..20).map(|_| {
        let (store, current) = (fixture.store.clone(), current.clone());
        tokio::spawn(async move {
            let (following, applied) = next(&current);
            (
                store.replace(account, current.version(), &following, Some(&applied), now).await,
                following,
                applied,
            )
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|(answer, ..)| answer.is_ok()).count(), 1);
    for (answer, following, applied) in &answers {
        let remembered = fixture.store.applied(account, &applied.id, now).await.unwrap();
        if answer.is_ok() {
            fixture.assert_state(account, following).await;
            assert_eq!(remembered.as_ref(), Some(applied));
        } else {
            assert!(conflicts(answer));
            assert_eq!(remembered, None);
        }
    }
}

/// Ten writers that read, change and try again: each change counts once.
pub async fn no_change_is_lost_among_many(fixture: &PlaybackStoreFixture) {
    let first = PlaybackState { rev: 0, ..state() };
    let account = fixture.listener(&first).await;
    let writers = (0..10).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                loop {
                    let current = store.load(account).await.unwrap().unwrap();
                    let (following, applied) = next(&current);
                    let now = samples::moment();
                    match store.replace(account, current.version(), &following, Some(&applied), now).await {
                        Ok(()) => break,
                        Err(PlaybackStoreError::Conflict) => {}
                        Err(fault) => panic!("{fault}"),
                    }
                }
            }
        })
    });
    join_all(writers).await.into_iter().for_each(Result::unwrap);
    assert_eq!(fixture.store.load(account).await.unwrap().unwrap().rev, 100);
}

/// Whole, until ten minutes have passed, however many commands followed.
pub async fn a_command_is_remembered_for_ten_minutes(fixture: &PlaybackStoreFixture) {
    let current = state();
    let account = fixture.listener(&current).await;
    let now = samples::moment();
    let (second, first_command) = next(&current);
    let (third, second_command) = next(&second);
    let store = &fixture.store;
    store.replace(account, current.version(), &second, Some(&first_command), now).await.unwrap();
    let almost = samples::after(now, COMMAND_MEMORY - Duration::from_micros(1));
    store.replace(account, second.version(), &third, Some(&second_command), almost).await.unwrap();

    let remembered = async |command: &AppliedCommand, at: Timestamp| {
        store.applied(account, &command.id, at).await.unwrap()
    };
    assert_eq!(remembered(&first_command, now).await.as_ref(), Some(&first_command));
    assert_eq!(remembered(&first_command, almost).await.as_ref(), Some(&first_command));
    let over = samples::after(now, COMMAND_MEMORY);
    assert_eq!(remembered(&first_command, over).await, None);
    assert_eq!(remembered(&second_command, over).await.as_ref(), Some(&second_command));
}

/// Two listeners' devices may choose the same key.
pub async fn commands_are_remembered_for_their_listener(fixture: &PlaybackStoreFixture) {
    let current = state();
    let (mine, other) = (fixture.listener(&current).await, fixture.listener(&current).await);
    let now = samples::moment();
    let (following, applied) = next(&current);
    fixture.store.replace(mine, current.version(), &following, Some(&applied), now).await.unwrap();
    assert_eq!(fixture.store.applied(other, &applied.id, now).await.unwrap(), None);
    fixture.assert_state(other, &current).await;
}

/// A busy listener's commands are all remembered.
pub async fn many_commands_are_remembered(fixture: &PlaybackStoreFixture) {
    let mut current = state();
    let account = fixture.listener(&current).await;
    let now = samples::moment();
    let mut commands = Vec::new();
    for _ in 0..300 {
        let (following, applied) = next(&current);
        fixture.store.replace(account, current.version(), &following, Some(&applied), now).await.unwrap();
        current = following;
        commands.push(applied);
    }
    for applied in &commands {
        let found = fixture.store.applied(account, &applied.id, now).await.unwrap();
        assert_eq!(found.as_ref(), Some(applied));
    }
}

/// Whatever the order of storing.
pub async fn devices_come_in_the_order_of_their_ids(fixture: &PlaybackStoreFixture) {
    let account = samples::id();
    let mut devices: Vec<_> = (0..10).map(|_| known()).collect();
    for known in &devices {
        put(fixture, account, known).await;
    }
    devices.sort_by(|a, b| a.device.id.cmp(&b.device.id));
    fixture.assert_devices(account, &devices.iter().collect::<Vec<_>>()).await;
}

/// Name, kind, capabilities and the time it was there, also when that goes back.
pub async fn a_device_is_replaced_whole(fixture: &PlaybackStoreFixture) {
    let account = samples::id();
    let (earlier, first) = (samples::moment(), known());
    put(fixture, account, &first).await;
    let renamed = KnownDevice {
        device: Device {
            id: first.device.id.clone(),
            name: DeviceName::parse("Küche").unwrap(),
            kind: DeviceKind::Speaker,
            capabilities: Capabilities::default(),
        },
        last_seen: earlier,
    };
    put(fixture, account, &renamed).await;
    fixture.assert_devices(account, &[&renamed]).await;
}

/// The same id at two listeners is two devices.
pub async fn devices_belong_to_their_listener(fixture: &PlaybackStoreFixture) {
    let (mine, other) = (samples::id(), samples::id());
    let first = known();
    let second = KnownDevice { last_seen: samples::moment(), ..first.clone() };
    put(fixture, mine, &first).await;
    put(fixture, other, &second).await;
    fixture.assert_devices(mine, &[&first]).await;
    fixture.store.remove_device(mine, &first.device.id).await.unwrap();
    fixture.assert_devices(mine, &[]).await;
    fixture.assert_devices(other, &[&second]).await;
}

/// Only it; removing it again changes nothing.
pub async fn a_removed_device_is_gone(fixture: &PlaybackStoreFixture) {
    let account = samples::id();
    let (gone, stays) = (known(), known());
    put(fixture, account, &gone).await;
    put(fixture, account, &stays).await;
    for _ in 0..2 {
        fixture.store.remove_device(account, &gone.device.id).await.unwrap();
        fixture.assert_devices(account, &[&stays]).await;
    }
}

/// What the server changes by itself is a change like any other.
pub async fn a_change_without_a_command_is_kept_too(fixture: &PlaybackStoreFixture) {
    let current = state();
    let account = fixture.listener(&current).await;
    let (following, _) = next(&current);
    let now = samples::moment();
    fixture.store.replace(account, current.version(), &following, None, now).await.unwrap();
    fixture.assert_state(account, &following).await;
    let again = fixture.store.replace(account, current.version(), &following, None, now).await;
    assert!(conflicts(&again));
}

/// State, commands and devices go; other listeners' stay; a new state may follow.
pub async fn a_forgotten_listener_is_as_if_never_there(fixture: &PlaybackStoreFixture) {
    let current = state();
    let (gone, stays) = (fixture.listener(&current).await, fixture.listener(&current).await);
    let (following, applied) = next(&current);
    let (now, device) = (samples::moment(), known());
    for account in [gone, stays] {
        fixture.store.replace(account, current.version(), &following, Some(&applied), now).await.unwrap();
        put(fixture, account, &device).await;
    }
    for _ in 0..2 {
        fixture.store.forget(gone).await.unwrap();
        assert_eq!(fixture.store.load(gone).await.unwrap(), None);
        assert_eq!(fixture.store.applied(gone, &applied.id, now).await.unwrap(), None);
        fixture.assert_devices(gone, &[]).await;
    }
    fixture.assert_state(stays, &following).await;
    assert_eq!(fixture.store.applied(stays, &applied.id, now).await.unwrap(), Some(applied));
    fixture.assert_devices(stays, &[&device]).await;
    fixture.store.create(gone, &current).await.unwrap();
    fixture.assert_state(gone, &current).await;
}

/// Accounts and sessions that have ended are told from those that have not, at least until their time is
/// over; what is forgotten of a listener is not that.
pub async fn who_has_ended_is_known_until_it_may_be_forgotten(fixture: &PlaybackStoreFixture) {
    let store = &fixture.store;
    let account = samples::id();
    let [ada, bob] = [account, samples::id()].map(Ended::Account);
    let [one, other] = [samples::id(), samples::id()].map(Ended::Session);
    let now = samples::moment();
    let hour = |hours: u64| samples::after(now, Duration::from_secs(3600 * hours));
    assert!(!store.has_ended(&[]).await.unwrap());
    assert!(!store.has_ended(&[ada, one]).await.unwrap());
    store.note_ended(ada, hour(3), now).await.unwrap();
    store.note_ended(one, hour(1), now).await.unwrap();
    // An older word changes nothing.
    store.note_ended(ada, hour(1), now).await.unwrap();
    store.forget(account).await.unwrap();
    // One makes room for another: those whose time is not over stay.
    store.note_ended(other, hour(4), hour(2)).await.unwrap();
    assert!(store.has_ended(&[bob, other]).await.unwrap());
    assert!(store.has_ended(&[ada, Ended::Session(samples::id())]).await.unwrap());
    assert!(!store.has_ended(&[bob, Ended::Session(samples::id())]).await.unwrap());
}
