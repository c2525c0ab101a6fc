//! What tests of hubs have in common.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use moodify_core::conformance::samples;
use moodify_core::memory::SystemClock;
use moodify_core::model::{AccountId, DevicePresence, PlaybackState, Timestamp};
use moodify_core::port::{Clock, Hint, Signal, Signals, Subscriber};

/// How long anything may take. Generous: test machines are shared.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn subscriber(account: AccountId) -> Subscriber {
    Subscriber {
        connection: samples::id(),
        account,
        session: samples::id(),
        device: None,
        round_trip: Duration::ZERO,
    }
}

pub(crate) fn state(rev: u64) -> PlaybackState {
    let first = PlaybackState::initial(samples::id::<uuid::Uuid>().into(), now());
    PlaybackState { rev, ..first }
}

pub(crate) fn hint(rev: u64) -> Hint {
    Hint::State(Arc::new(state(rev)))
}

pub(crate) fn presence_of(online: bool) -> DevicePresence {
    let device = serde_json::from_value(serde_json::json!({
        "device_id": "phone", "name": "Phone", "kind": "phone", "capabilities": [],
    }));
    DevicePresence { device: device.unwrap(), online, last_seen: now() }
}

pub(crate) async fn hear(signals: &mut Signals) -> Signal {
    let heard = tokio::time::timeout(PATIENCE, signals.next()).await;
    heard.expect("something to hear").expect("the stream goes on")
}

/// The next hint; on the way to it the line may have broken again.
pub(crate) async fn hear_hint(signals: &mut Signals) -> Hint {
    loop {
        match hear(signals).await {
            Signal::Hint(hint) => return hint,
            Signal::Missed => {}
            Signal::Close(reason) => panic!("closed: {reason:?}"),
        }
    }
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !done().await {
            SystemClock.sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
}

/// Its end, whatever it is: nothing hangs.
pub(crate) async fn bounded<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it hangs")
}
