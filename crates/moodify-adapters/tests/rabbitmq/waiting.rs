//! What waits, waits in the broker, by its clock.

use std::time::Duration;

use moodify_core::conformance::samples;
use moodify_core::model::{EventKind, later};
use moodify_core::port::{Depth, Queue};

use super::{MAIL, asks_for, next, now};
use crate::slot::Slot;

/// Over several queues, and what is left of it: never early, and not much late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_comes_back_by_itself_when_it_is_due() {
    let Some(slot) = Slot::take().await else { return };
    let slot = slot.waiting(&[100, 700].map(Duration::from_millis));
    let queue = slot.queue().await;
    queue.declare(&asks_for(&[EventKind::AccountCreated])).await.unwrap();
    queue.publish(&samples::event(EventKind::AccountCreated), now()).await.unwrap();
    let first = next(&*queue).await;
    let due = later(now(), Duration::from_millis(1_650));
    queue.retry(&first.id, due, "busy").await.unwrap();
    assert_eq!(queue.depth(MAIL).await.unwrap(), Depth { waiting: 1, dead: 0 });

    let second = next(&*queue).await;
    let late = now().duration_since(due);
    assert!(!late.is_negative() && late.as_secs_f64() < 3.0, "{late}");
    assert_eq!((second.id.attempt, second.failures, second.silent), (2, 1, 1));
    assert_eq!(second.event, first.event);
    queue.postpone(&second.id, later(now(), Duration::from_millis(10))).await.unwrap();
    let third = next(&*queue).await;
    assert_eq!((third.id.attempt, third.failures, third.silent), (3, 1, 1));
    queue.ack(&third.id).await.unwrap();
    assert_eq!(queue.depth(MAIL).await.unwrap(), Depth::default());
}
