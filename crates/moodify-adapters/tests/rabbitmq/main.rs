//! The RabbitMQ adapter: the promises of its port, and what is particular to it.
#![cfg(feature = "rabbitmq")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test reports by panicking")]

#[path = "../shared/broker.rs"]
mod broker;
mod faults;
#[cfg(feature = "sqlite")]
mod kills;
mod sharing;
mod slot;
mod waiting;

use std::time::Duration;

use moodify_core::conformance::QueueFixture;
use moodify_core::memory::SystemClock;
use moodify_core::model::{EventKind, Timestamp};
use moodify_core::port::{Clock, Consumer, Delivery, Queue};
use slot::Slot;

const MAIL: &str = "notification";
const LEASE: Duration = Duration::from_secs(60);

fn now() -> Timestamp {
    SystemClock.now()
}

fn asks_for(kinds: &[EventKind]) -> Consumer {
    Consumer { name: MAIL, kinds: kinds.to_vec() }
}

/// The next delivery, whenever it comes.
async fn next(queue: &dyn Queue) -> Delivery {
    for _ in 0..1_000 {
        let mut deliveries = queue.receive(MAIL, 1, now(), LEASE).await.unwrap();
        if let Some(delivery) = deliveries.pop() {
            return delivery;
        }
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing comes");
}

/// Cases make up their moments: none of them waits for an hour.
const WAITS: [Duration; 1] = [Duration::from_secs(60 * 60)];

async fn queue() -> Option<QueueFixture> {
    let slot = Slot::take().await?.waiting(&WAITS);
    let end_waiting = slot.ends_waiting();
    let fixture = QueueFixture::new(slot.queue().await, slot);
    Some(fixture.that_may_repeat().that_waits_until(end_waiting))
}

moodify_core::queue_suite!(rabbit_queue, queue);
