//! Holds a [`SyncHub`] to its contract.

use std::{any::Any, sync::Arc, time::Duration};

use futures::StreamExt;

use super::playback_store::{device, state};
use super::{Keep, samples};
use crate::memory::SystemClock;
use crate::model::{AccountId, DevicePresence, PlaybackState, SessionId};
use crate::port::{Clock, CloseReason, Hint, MAX_BACKLOG, MIN_BACKLOG, Signal, Signals, Subscriber, SyncHub};

/// How long a hint may take before it counts as lost. Generous: test machines are shared.
const PATIENCE: Duration = Duration::from_secs(10);

/// A hub as two nodes see it. A hub of one process is the same one twice.
pub struct SyncHubFixture {
    /// The nodes.
    pub nodes: [Arc<dyn SyncHub>; 2],
    /// What must live as long as the hub.
    pub keep: Keep,
}

impl SyncHubFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the hub.
    pub fn new(nodes: [Arc<dyn SyncHub>; 2], keep: impl Any + Send + Sync) -> Self {
        Self { nodes, keep: Box::new(keep) }
    }

    async fn join(&self, node: usize, account: AccountId) -> Member {
        self.join_session(node, account, samples::id()).await
    }

    async fn join_session(&self, node: usize, account: AccountId, session: SessionId) -> Member {
        let me = Subscriber {
            connection: samples::id(),
            account,
            session,
            device: None,
            round_trip: Duration::ZERO,
        };
        let hub = self.nodes[node].clone();
        let signals = hub.subscribe(&me).await.unwrap();
        Member { hub, me, signals }
    }

    /// Waits until both nodes see exactly these connections of the listener, in this order.
    async fn assert_online(&self, account: AccountId, expected: &[&Subscriber]) {
        for hub in &self.nodes {
            let mut found = Vec::new();
            for _ in 0..1_000 {
                found = hub.online(account).await.unwrap();
                if found.iter().eq(expected.iter().copied()) {
                    break;
                }
                SystemClock.sleep(PATIENCE / 1_000).await;
            }
            assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        }
    }
}

struct Member {
    hub: Arc<dyn SyncHub>,
    me: Subscriber,
    signals: Signals,
}

impl Member {
    async fn publish(&self, hint: &Hint) {
        self.hub.publish(self.me.account, self.me.connection, hint).await.unwrap();
    }

    async fn hear(&mut self) -> Signal {
        self.try_hear().await.expect("the stream goes on")
    }

    async fn try_hear(&mut self) -> Option<Signal> {
        tokio::time::timeout(PATIENCE, self.signals.next()).await.expect("something to hear")
    }

    /// Hears everything up to the first close.
    async fn hear_all(&mut self) -> (Vec<Hint>, CloseReason) {
        let mut hints = Vec::new();
        loop {
            match self.hear().await {
                Signal::Hint(hint) => hints.push(hint),
                Signal::Missed => {}
                Signal::Close(reason) => return (hints, reason),
            }
        }
    }
}

fn news() -> Hint {
    Hint::State(Arc::new(state()))
}

fn news_in_order(count: usize) -> Vec<Hint> {
    let first = state();
    let nth = |n| PlaybackState { rev: first.rev + n as u64, ..first.clone() };
    (0..count).map(|n| Hint::State(Arc::new(nth(n)))).collect()
}

/// Makes a module of named tests that hold a hub to the contract of
/// [`SyncHub`](crate::port::SyncHub).
#[macro_export]
macro_rules! sync_hub_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            sync_hub,
            $name,
            $fixture,
            [
                a_hint_reaches_all_others_whole,
                nobody_hears_itself,
                other_listeners_hear_nothing,
                hints_keep_their_order,
                a_backlog_is_kept,
                a_slow_reader_is_closed_and_holds_up_nobody,
                connections_are_seen_oldest_first,
                an_update_is_seen,
                an_update_of_a_stranger_adds_nobody,
                a_dropped_stream_is_gone,
                a_closed_session_ends_its_connections_only,
                a_closed_session_ends_a_slow_reader_too,
                the_session_of_an_update_counts,
                a_closed_account_ends_all_its_connections,
            ]
        );
    };
}

/// States and presences, on both nodes.
pub async fn a_hint_reaches_all_others_whole(fixture: &SyncHubFixture) {
    let account = samples::id();
    let sender = fixture.join(0, account).await;
    let mut others = [fixture.join(0, account).await, fixture.join(1, account).await];
    let presence = DevicePresence { device: device(), online: false, last_seen: samples::moment() };
    for hint in [news(), Hint::Presence(Arc::new(presence))] {
        sender.publish(&hint).await;
        for other in &mut others {
            assert_eq!(other.hear().await, Signal::Hint(hint.clone()));
        }
    }
}

/// What a connection publishes it does not hear.
pub async fn nobody_hears_itself(fixture: &SyncHubFixture) {
    let account = samples::id();
    let mut sender = fixture.join(0, account).await;
    let other = fixture.join(1, account).await;
    let answer = news();
    sender.publish(&news()).await;
    other.publish(&answer).await;
    assert_eq!(sender.hear().await, Signal::Hint(answer));
}

/// Hints stay with their listener.
pub async fn other_listeners_hear_nothing(fixture: &SyncHubFixture) {
    let (mine, theirs) = (samples::id(), samples::id());
    let (sender, neighbour) = (fixture.join(0, mine).await, fixture.join(1, theirs).await);
    let mut strangers = [fixture.join(0, theirs).await, fixture.join(1, theirs).await];
    let fence = news();
    sender.publish(&news()).await;
    neighbour.publish(&fence).await;
    for stranger in &mut strangers {
        assert_eq!(stranger.hear().await, Signal::Hint(fence.clone()));
    }
}

/// What one connection publishes is heard in that order.
pub async fn hints_keep_their_order(fixture: &SyncHubFixture) {
    let account = samples::id();
    let sender = fixture.join(0, account).await;
    let mut others = [fixture.join(0, account).await, fixture.join(1, account).await];
    for batch in news_in_order(200).chunks(MIN_BACKLOG / 2) {
        for hint in batch {
            sender.publish(hint).await;
        }
        for other in &mut others {
            for hint in batch {
                assert_eq!(other.hear().await, Signal::Hint(hint.clone()));
            }
        }
    }
}

/// So many hints wait for a reader without being lost.
pub async fn a_backlog_is_kept(fixture: &SyncHubFixture) {
    let account = samples::id();
    let (sender, mut late) = (fixture.join(0, account).await, fixture.join(0, account).await);
    let hints = news_in_order(MIN_BACKLOG);
    for hint in &hints {
        sender.publish(hint).await;
    }
    for hint in hints {
        assert_eq!(late.hear().await, Signal::Hint(hint));
    }
}

/// It hears what was kept, in order and without holes, then the close, then nothing.
pub async fn a_slow_reader_is_closed_and_holds_up_nobody(fixture: &SyncHubFixture) {
    let account = samples::id();
    let sender = fixture.join(0, account).await;
    let (mut slow, mut quick) = (fixture.join(0, account).await, fixture.join(0, account).await);
    let hints = news_in_order(MAX_BACKLOG + 1);
    for hint in &hints {
        sender.publish(hint).await;
        assert_eq!(quick.hear().await, Signal::Hint(hint.clone()));
    }
    let (heard, reason) = slow.hear_all().await;
    assert_eq!(reason, CloseReason::TooSlow);
    assert!(heard.len() >= MIN_BACKLOG);
    assert_eq!(heard, hints[..heard.len()]);
    assert_eq!(slow.try_hear().await, None);
}

/// All connections of the listener, on whatever node.
pub async fn connections_are_seen_oldest_first(fixture: &SyncHubFixture) {
    let account = samples::id();
    fixture.assert_online(account, &[]).await;
    let first = fixture.join(0, account).await;
    fixture.assert_online(account, &[&first.me]).await;
    let second = fixture.join(1, account).await;
    let _stranger = fixture.join(0, samples::id()).await;
    fixture.assert_online(account, &[&first.me, &second.me]).await;
}

/// Which device it is, and that it is still the same connection.
pub async fn an_update_is_seen(fixture: &SyncHubFixture) {
    let account = samples::id();
    let (mut first, second) = (fixture.join(0, account).await, fixture.join(1, account).await);
    let hint = news();
    second.publish(&hint).await;
    first.me.device = Some(device().id);
    first.me.round_trip = Duration::from_micros(41_001);
    first.hub.update(&first.me).await.unwrap();
    fixture.assert_online(account, &[&first.me, &second.me]).await;
    assert_eq!(first.hear().await, Signal::Hint(hint), "what waited is still there");
}

/// Only joined connections can be updated.
pub async fn an_update_of_a_stranger_adds_nobody(fixture: &SyncHubFixture) {
    let account = samples::id();
    let gone = fixture.join(0, account).await.me;
    fixture.assert_online(account, &[]).await;
    fixture.nodes[0].update(&gone).await.unwrap();
    let first = fixture.join(0, account).await;
    fixture.nodes[0].update(&Subscriber { connection: samples::id(), ..gone }).await.unwrap();
    fixture.assert_online(account, &[&first.me]).await;
}

/// Dropping the stream is leaving.
pub async fn a_dropped_stream_is_gone(fixture: &SyncHubFixture) {
    let account = samples::id();
    let (first, second) = (fixture.join(0, account).await, fixture.join(1, account).await);
    fixture.assert_online(account, &[&first.me, &second.me]).await;
    drop(first);
    fixture.assert_online(account, &[&second.me]).await;
}

/// On all nodes; other sessions and other listeners go on.
pub async fn a_closed_session_ends_its_connections_only(fixture: &SyncHubFixture) {
    let (account, stranger): (AccountId, AccountId) = (samples::id(), samples::id());
    let (ended, other): (SessionId, SessionId) = (samples::id(), samples::id());
    let mut closed =
        [fixture.join_session(0, account, ended).await, fixture.join_session(1, account, ended).await];
    let mut stays = fixture.join_session(1, account, other).await;
    let mut theirs = fixture.join_session(0, stranger, ended).await;
    let hint = news();
    stays.publish(&hint).await;
    for member in &mut closed {
        assert_eq!(member.hear().await, Signal::Hint(hint.clone()));
    }
    fixture.nodes[0].close_session(account, ended).await.unwrap();
    for member in &mut closed {
        assert_eq!(member.hear().await, Signal::Close(CloseReason::SessionRevoked));
        assert_eq!(member.try_hear().await, None);
    }
    fixture.assert_online(account, &[&stays.me]).await;
    let fences = [fixture.join(0, account).await, fixture.join(1, stranger).await];
    for (fence, member) in fences.iter().zip([&mut stays, &mut theirs]) {
        fence.publish(&hint).await;
        assert_eq!(member.hear().await, Signal::Hint(hint.clone()));
    }
}

/// A close is never among what is dropped.
pub async fn a_closed_session_ends_a_slow_reader_too(fixture: &SyncHubFixture) {
    let account = samples::id();
    let (sender, mut slow) = (fixture.join(0, account).await, fixture.join(0, account).await);
    for hint in news_in_order(MAX_BACKLOG + 1) {
        sender.publish(&hint).await;
    }
    fixture.nodes[1].close_session(account, slow.me.session).await.unwrap();
    let (_, reason) = slow.hear_all().await;
    assert!(matches!(reason, CloseReason::SessionRevoked | CloseReason::TooSlow));
    assert_eq!(slow.try_hear().await, None);
}

/// After an update the connection belongs to its new session.
pub async fn the_session_of_an_update_counts(fixture: &SyncHubFixture) {
    let account = samples::id();
    let mut member = fixture.join(0, account).await;
    let old = member.me.session;
    member.me.session = samples::id();
    member.hub.update(&member.me).await.unwrap();
    fixture.assert_online(account, &[&member.me]).await;
    fixture.nodes[0].close_session(account, old).await.unwrap();
    let fence = news();
    fixture.join(0, account).await.publish(&fence).await;
    assert_eq!(member.hear().await, Signal::Hint(fence));
    fixture.nodes[1].close_session(account, member.me.session).await.unwrap();
    assert_eq!(member.hear().await, Signal::Close(CloseReason::SessionRevoked));
}

/// Whatever their session; other listeners go on.
pub async fn a_closed_account_ends_all_its_connections(fixture: &SyncHubFixture) {
    let (account, stranger) = (samples::id(), samples::id());
    let mut closed = [fixture.join(0, account).await, fixture.join(1, account).await];
    let mut theirs = fixture.join(0, stranger).await;
    fixture.assert_online(account, &[&closed[0].me, &closed[1].me]).await;
    fixture.nodes[0].close_account(account).await.unwrap();
    for member in &mut closed {
        assert_eq!(member.hear().await, Signal::Close(CloseReason::AccountDeleted));
        assert_eq!(member.try_hear().await, None);
    }
    fixture.assert_online(account, &[]).await;
    let fence = news();
    fixture.join(1, stranger).await.publish(&fence).await;
    assert_eq!(theirs.hear().await, Signal::Hint(fence));
}
