//! The relay and the workers under faults, on a clock that the tests move.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::Error;
use moodify_core::model::{Event, EventId, EventKind};
use moodify_core::port::{Consumer, DeadLetter, Outbox, Queue, Unavailable};
use moodify_core::service::delivery::{HandleError, Handler, Relay, Worker};

use crate::troubled::Troubled;
use crate::world::World;

const CONSUMER: &str = "notification";

/// A handler that does what the test tells it to.
struct Scripted {
    failure: Mutex<Option<HandleError>>,
    poison: Mutex<Option<EventId>>,
    handled: Mutex<Vec<EventId>>,
    calls: AtomicU32,
}

impl Scripted {
    fn failing(failure: Option<HandleError>) -> Arc<Self> {
        Arc::new(Self {
            failure: Mutex::new(failure),
            poison: Mutex::default(),
            handled: Mutex::default(),
            calls: AtomicU32::new(0),
        })
    }

    fn handled(&self) -> usize {
        self.handled.lock().unwrap().len()
    }
}

#[async_trait]
impl Handler for Scripted {
    fn consumer(&self) -> Consumer {
        Consumer { name: CONSUMER, kinds: vec![EventKind::AccountCreated] }
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if *self.poison.lock().unwrap() == Some(event.id) {
            return Err(HandleError::Never { reason: "550 no such mailbox".to_owned() });
        }
        if let Some(failure) = self.failure.lock().unwrap().clone() {
            return Err(failure);
        }
        self.handled.lock().unwrap().push(event.id);
        Ok(())
    }
}

fn later() -> Option<HandleError> {
    Some(HandleError::Later { reason: "421 busy".to_owned() })
}

/// Makes the consumer of these tests known: of all that a sign-up tells, it wants one event.
async fn declare(world: &World) {
    world.queue.declare(&Scripted::failing(None).consumer()).await.unwrap();
}

/// Signs so many people up and moves their events into the queue.
async fn published(world: &World, count: usize) -> Arc<Relay> {
    let relay = Relay::new(world.store.clone(), world.queue.clone(), world.context());
    declare(world).await;
    for n in 0..count {
        world.sign_up(&format!("listener{n}@example.com")).await;
    }
    let mut published = 0;
    loop {
        match relay.publish_batch().await.unwrap() {
            0 => break,
            more => published += more,
        }
    }
    assert!(published >= count, "one event each, at least");
    Arc::new(relay)
}

async fn dead_letters(world: &World) -> Vec<DeadLetter> {
    world.queue.dead_letters(CONSUMER, 10).await.unwrap()
}

#[tokio::test]
async fn failures_are_retried_on_schedule_and_then_given_up_with_the_reason() {
    let world = World::new();
    published(&world, 1).await;
    let handler = Scripted::failing(later());
    let worker = Worker::new(world.queue.clone(), handler.clone(), world.context());
    for wait in [5, 30, 120, 600, 3600, 21_600] {
        assert_eq!(worker.handle_due().await.unwrap(), 1);
        world.clock.advance(Duration::from_secs(wait - 1));
        assert_eq!(worker.handle_due().await.unwrap(), 0, "not before {wait} s");
        world.clock.advance(Duration::from_secs(1 + wait / 5));
    }
    assert_eq!(worker.handle_due().await.unwrap(), 1);
    assert_eq!(handler.calls.load(Ordering::Relaxed), 7);
    let dead = dead_letters(&world).await;
    assert_eq!((dead.len(), dead[0].reason.as_str()), (1, "421 busy"));
}

#[tokio::test]
async fn one_poison_message_among_a_hundred_good_ones_is_one_dead_letter() {
    let world = World::new();
    published(&world, 100).await;
    let handler = Scripted::failing(None);
    let worker = Worker::new(world.queue.clone(), handler.clone(), world.context());
    worker.handle_due().await.unwrap();
    let sample = world.queue.receive(CONSUMER, 1, world.context().now(), Duration::ZERO).await.unwrap();
    *handler.poison.lock().unwrap() = Some(sample[0].event.id);
    while worker.handle_due().await.unwrap() > 0 {}
    assert_eq!(handler.handled(), 99);
    let dead = dead_letters(&world).await;
    assert_eq!((dead.len(), dead[0].reason.as_str()), (1, "550 no such mailbox"));
}

#[tokio::test]
async fn waiting_for_somebody_else_is_no_failure() {
    let world = World::new();
    published(&world, 1).await;
    let until = world.context().now().checked_add(jiff::SignedDuration::from_secs(60)).unwrap();
    let handler = Scripted::failing(Some(HandleError::Held { until }));
    let worker = Worker::new(world.queue.clone(), handler.clone(), world.context());
    for _ in 0..100 {
        assert_eq!(worker.handle_due().await.unwrap(), 1, "as often as it takes");
        assert_eq!(worker.handle_due().await.unwrap(), 0);
        world.clock.advance(Duration::from_secs(60));
        let until = world.context().now().checked_add(jiff::SignedDuration::from_secs(60)).unwrap();
        *handler.failure.lock().unwrap() = Some(HandleError::Held { until });
    }
    *handler.failure.lock().unwrap() = None;
    assert_eq!(worker.handle_due().await.unwrap(), 1);
    assert_eq!(handler.handled(), 1);
}

/// A handler with a bug.
struct Panicking;

#[async_trait]
impl Handler for Panicking {
    fn consumer(&self) -> Consumer {
        Consumer { name: CONSUMER, kinds: vec![EventKind::AccountCreated] }
    }

    async fn handle(&self, _: &Event) -> Result<(), HandleError> {
        panic!("a bug");
    }
}

#[tokio::test]
async fn an_event_that_never_gets_an_answer_is_given_up_too() {
    let world = World::new();
    published(&world, 1).await;
    let worker = Worker::new(world.queue.clone(), Arc::new(Panicking), world.context());
    for _ in 0..21 {
        assert_eq!(worker.handle_due().await.unwrap(), 1);
        world.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(worker.handle_due().await.unwrap(), 0);
    assert_eq!(dead_letters(&world).await[0].reason, "no answer in 20 attempts");
}

#[tokio::test]
async fn a_worker_that_waits_for_the_queue_holds_no_handler_up() {
    let world = World::new();
    published(&world, 20).await;
    let queue = Troubled::in_turns(world.queue.clone());
    let handler = Scripted::failing(None);
    let worker = Worker::new(queue, handler.clone(), world.context());
    let stop = tokio_util::sync::CancellationToken::new();
    let watch = async {
        while handler.handled() < 20 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let both = futures::future::join(worker.run(&stop), watch);
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("nobody waits for ever");
}

#[tokio::test]
async fn sign_ups_go_on_while_the_queue_is_down_and_nothing_is_lost() {
    let world = World::new();
    declare(&world).await;
    let up = Arc::new(AtomicBool::new(false));
    let is_up = up.clone();
    let refuses =
        move |_: &Event| (!is_up.load(Ordering::Relaxed)).then(|| Unavailable::passing("connection refused"));
    let queue = Troubled::refusing(world.queue.clone(), refuses);
    let relay = Relay::new(world.store.clone(), queue.clone(), world.context());
    for n in 0..10 {
        world.sign_up(&format!("listener{n}@example.com")).await;
        assert!(matches!(relay.publish_batch().await, Err(Error::Unavailable(_))));
    }
    up.store(true, Ordering::Relaxed);
    assert!(relay.publish_batch().await.unwrap() >= 10, "at once: failed events are released");
    let handler = Scripted::failing(None);
    let worker = Worker::new(queue, handler.clone(), world.context());
    while worker.handle_due().await.unwrap() > 0 {}
    assert_eq!(handler.handled(), 10);
}

#[tokio::test]
async fn what_happens_while_the_queue_is_down_cuts_no_wait_short() {
    let world = World::new();
    declare(&world).await;
    let (is_up, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (up, count) = (is_up.clone(), refused.clone());
    let queue = Troubled::refusing(world.queue.clone(), move |_: &Event| {
        let is_down = !up.load(Ordering::Relaxed);
        is_down.then(|| {
            count.fetch_add(1, Ordering::Relaxed);
            Unavailable::passing("connection refused")
        })
    });
    let relay = Relay::new(world.store.clone(), queue, world.context());
    let stop = tokio_util::sync::CancellationToken::new();
    let script = async {
        for n in 0..10 {
            world.sign_up(&format!("listener{n}@example.com")).await;
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(refused.load(Ordering::Relaxed), 2, "one try: all at once, then the first alone");
        is_up.store(true, Ordering::Relaxed);
        world.clock.advance(Duration::from_millis(100));
        while world.store.backlog().await.unwrap().count > 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let both = futures::future::join(relay.run(&stop), script);
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("the relay comes back after its wait");
}

#[tokio::test]
async fn a_relay_that_dies_between_publishing_and_marking_causes_no_second_delivery() {
    let world = World::new();
    declare(&world).await;
    world.sign_up("ada@example.com").await;
    let now = world.context().now();
    let leased = world.store.lease(10, now, Duration::from_secs(30)).await.unwrap();
    world.queue.publish_all(&leased, now).await.unwrap();
    // The relay dies here; its lease runs out, and the next one starts over.
    world.clock.advance(Duration::from_secs(30));
    let relay = Relay::new(world.store.clone(), world.queue.clone(), world.context());
    assert_eq!(relay.publish_batch().await.unwrap(), leased.len());
    let handler = Scripted::failing(None);
    let worker = Worker::new(world.queue.clone(), handler.clone(), world.context());
    assert_eq!(worker.handle_due().await.unwrap(), 1);
    assert_eq!(worker.handle_due().await.unwrap(), 0);
    assert_eq!(handler.handled(), 1);
}

/// The world's queue, which does not take these events for good.
fn choosy(world: &World, refused: Vec<EventId>) -> (Arc<Troubled>, Arc<Mutex<Vec<EventId>>>) {
    let refused = Arc::new(Mutex::new(refused));
    let list = refused.clone();
    let refuses = move |event: &Event| {
        let listed = list.lock().unwrap().contains(&event.id);
        listed.then(|| Unavailable::lasting("406 too large"))
    };
    (Troubled::refusing(world.queue.clone(), refuses), refused)
}

#[tokio::test]
async fn an_event_that_the_queue_refuses_holds_up_none_behind_it() {
    let world = World::new();
    world.moodify.declare_consumers().await.unwrap();
    for n in 0..5 {
        world.sign_up(&format!("listener{n}@example.com")).await;
    }
    let now = world.context().now();
    let waiting: Vec<EventId> =
        world.store.lease(10, now, Duration::ZERO).await.unwrap().iter().map(|event| event.id).collect();
    let (queue, refused) = choosy(&world, waiting[..2].to_vec());
    let relay = Relay::new(world.store.clone(), queue.clone(), world.context());
    relay.publish_batch().await.unwrap();
    let received = async || {
        let now = world.context().now();
        world.queue.receive(CONSUMER, 10, now, Duration::ZERO).await.unwrap().len()
    };
    assert_eq!(received().await, waiting.len() - 2);
    assert_eq!(relay.publish_batch().await.unwrap(), 0, "it is not offered again at once");

    world.clock.advance(Duration::from_secs(30));
    refused.lock().unwrap().pop();
    assert_eq!(relay.publish_batch().await.unwrap(), 2);
    assert_eq!(received().await, waiting.len() - 1);
    refused.lock().unwrap().clear();
    world.clock.advance(Duration::from_secs(30));
    relay.publish_batch().await.unwrap();
    assert_eq!(received().await, waiting.len(), "none is lost");
}

#[tokio::test]
async fn a_queue_that_refuses_everything_is_down() {
    let world = World::new();
    world.moodify.declare_consumers().await.unwrap();
    for n in 0..8 {
        world.sign_up(&format!("listener{n}@example.com")).await;
    }
    let now = world.context().now();
    let waiting = world.store.lease(100, now, Duration::ZERO).await.unwrap();
    let ids = waiting.iter().map(|event| event.id).collect();
    let (queue, refused) = choosy(&world, ids);
    let relay = Relay::new(world.store.clone(), queue.clone(), world.context());
    assert!(matches!(relay.publish_batch().await, Err(Error::Unavailable(_))), "so that it backs off");
    let free = world.store.lease(100, now, Duration::ZERO).await.unwrap();
    assert!(free.len() < waiting.len() && free.len() > waiting.len() - 5, "{}", free.len());
    refused.lock().unwrap().clear();
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(relay.publish_batch().await.unwrap(), waiting.len());
}
