//! What the meter is told, and how a trace follows an event.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::memory::{FixedClock, MemoryQueue, MemoryStore, SeededRng};
use moodify_core::model::{Event, EventKind, TraceContext};
use moodify_core::port::{
    Backlog, Consumer, DeliveryOutcome, Depth, Measurement, Meter, Outbox, Queue, Tracer,
};
use moodify_core::service::delivery::{HandleError, Handler, Relay, Worker};
use moodify_core::{Config, Moodify, Services};

use crate::world::{NoUploads, World};

/// Remembers what it is told.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Diary {
    fn pages(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Meter for Diary {
    fn record(&self, measurement: Measurement<'_>) {
        let page = match measurement {
            Measurement::Published { events } => format!("published {events}"),
            Measurement::Delivered { consumer, outcome, age } => {
                format!("{consumer} {} {}s", outcome.as_str(), age.as_secs())
            }
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(page);
    }
}

/// Always in the same place, and remembers from where spans were resumed.
#[derive(Default)]
struct Thread(Mutex<Vec<TraceContext>>);

fn place() -> TraceContext {
    TraceContext::new(7, 8, true).unwrap()
}

impl Tracer for Thread {
    fn current(&self) -> Option<TraceContext> {
        Some(place())
    }

    fn resume(&self, _: &tracing::Span, from: &TraceContext) {
        self.0.lock().unwrap().push(*from);
    }

    fn describe(&self, _: &tracing::Span, _: &str) {}
}

/// Fails in every way, one after the other, then no more.
struct Fickle(Mutex<u32>);

#[async_trait]
impl Handler for Fickle {
    fn consumer(&self) -> Consumer {
        Consumer { name: "notification", kinds: vec![EventKind::AccountCreated] }
    }

    async fn handle(&self, _: &Event) -> Result<(), HandleError> {
        let reason = || "because".to_owned();
        let mut time = self.0.lock().unwrap();
        *time += 1;
        match *time {
            1 => Err(HandleError::Later { reason: reason() }),
            2 => Ok(()),
            _ => Err(HandleError::Never { reason: reason() }),
        }
    }
}

#[tokio::test]
async fn deliveries_are_counted_and_go_on_with_the_trace_of_their_event() {
    let (diary, thread) = (Arc::new(Diary::default()), Arc::new(Thread::default()));
    let (clock, store, queue) =
        (Arc::new(FixedClock::default()), Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new()));
    let moodify = Moodify::builder(Config::new("https://moodify.example".parse().unwrap()))
        .store(store.clone())
        .queue(queue.clone())
        .clock(clock.clone())
        .rng(Arc::new(SeededRng::new(1)))
        .meter(diary.clone())
        .tracer(thread.clone())
        .build(Arc::new(NoUploads))
        .unwrap();
    moodify.declare_consumers().await.unwrap();
    let sign_up = async |email| moodify.accounts().sign_up(World::new().request(email, None)).await.unwrap();
    sign_up("ada@example.com").await;
    let leased = store.lease(1, moodify.context().now(), Duration::ZERO).await.unwrap();
    assert_eq!(leased[0].trace, Some(place()), "stored with the event");
    // Of all that a sign-up tells, one event is enough here.
    let handler = Arc::new(Fickle(Mutex::default()));
    queue.declare(&handler.consumer()).await.unwrap();

    let relay = Relay::new(store.clone(), queue.clone(), moodify.context().clone());
    let told = relay.publish_batch().await.unwrap();
    let worker = Worker::new(queue.clone(), handler, moodify.context().clone());
    for _ in 0..2 {
        assert_eq!(worker.handle_due().await.unwrap(), 1);
        clock.advance(Duration::from_secs(10));
    }
    sign_up("eve@example.com").await;
    relay.publish_batch().await.unwrap();
    assert_eq!(worker.handle_due().await.unwrap(), 1);
    let of = |outcome: DeliveryOutcome, age: u32| format!("notification {} {age}s", outcome.as_str());
    let expected = [
        format!("published {told}"),
        of(DeliveryOutcome::Retried, 0),
        of(DeliveryOutcome::Handled, 10),
        format!("published {told}"),
        of(DeliveryOutcome::DeadLettered, 0),
    ];
    assert_eq!(diary.pages(), expected);
    assert_eq!(*thread.0.lock().unwrap(), [place(); 3], "every attempt goes on there");
}

#[tokio::test]
async fn vitals_tell_what_waits_for_the_services_of_a_process() {
    let world = World::new();
    world.moodify.declare_consumers().await.unwrap();
    world.sign_up("ada@example.com").await;
    let now = world.context().now();
    let vitals = world.moodify.vitals(Services::ALL).await.unwrap();
    let told = world.store.lease(100, now, Duration::ZERO).await.unwrap().len() as u64;
    assert_eq!(vitals.outbox, Some(Backlog { count: told, oldest: Some(now) }));
    Relay::new(world.store.clone(), world.queue.clone(), world.context()).publish_batch().await.unwrap();

    let vitals = world.moodify.vitals(Services::NOTIFICATION).await.unwrap();
    assert_eq!(vitals.outbox, None, "no relay runs there");
    let waiting = world.queue.depth("notification").await.unwrap().waiting;
    assert!(waiting > 0);
    assert!(vitals.consumers.contains(&("notification", Depth { waiting, dead: 0 })), "{vitals:?}");
    let delivery = world.queue.receive("notification", 1, now, Duration::ZERO).await.unwrap().remove(0);
    world.queue.dead_letter(&delivery.id, "because", now).await.unwrap();
    let vitals = world.moodify.vitals(Services::ALL).await.unwrap();
    assert_eq!(vitals.outbox, Some(Backlog::default()));
    let waiting = waiting - 1;
    assert!(vitals.consumers.contains(&("notification", Depth { waiting, dead: 1 })), "{vitals:?}");
}

#[tokio::test]
async fn vitals_tell_how_many_passwords_are_being_hashed() {
    let world = World::new();
    assert_eq!(world.moodify.accounts().hashing(), Default::default());
    let moodify = world.moodify.clone();
    let flood: Vec<_> = (0..20)
        .map(|n| {
            let request = world.request(&format!("listener{n}@example.com"), None);
            let moodify = moodify.clone();
            tokio::spawn(async move { moodify.accounts().sign_up(request).await })
        })
        .collect();
    let mut most = 0;
    while !flood.iter().all(tokio::task::JoinHandle::is_finished) {
        let load = moodify.accounts().hashing();
        most = most.max(load.running + load.waiting);
        tokio::task::yield_now().await;
    }
    assert!((1..=20).contains(&most), "{most}");
    assert_eq!(moodify.accounts().hashing(), Default::default());
}
