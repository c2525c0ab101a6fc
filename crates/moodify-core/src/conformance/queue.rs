//! Holds a [`Queue`] to its contract.

use std::{any::Any, collections::BTreeSet, sync::Arc, time::Duration};

use futures::future::join_all;

use super::{Keep, samples};
use crate::model::{Event, EventKind, Timestamp};
use crate::port::{Consumer, DeadLetter, Delivery, Queue};

/// An empty queue that no consumer is known to.
pub struct QueueFixture {
    /// The queue under test.
    pub queue: Arc<dyn Queue>,
    /// What must live as long as the queue.
    pub keep: Keep,
}

impl QueueFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the queue.
    pub fn new(queue: Arc<dyn Queue>, keep: impl Any + Send + Sync) -> Self {
        Self { queue, keep: Box::new(keep) }
    }

    async fn declare(&self, name: &'static str, kinds: &[EventKind]) {
        self.queue.declare(&Consumer { name, kinds: kinds.to_vec() }).await.unwrap();
    }

    /// Publishes this many events of the kind, one after the other.
    async fn publish(&self, kind: EventKind, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..count {
            let event = samples::event(kind);
            self.queue.publish(&event, event.occurred_at).await.unwrap();
            events.push(event);
        }
        events
    }

    async fn receive(&self, consumer: &str, max: usize, now: Timestamp) -> Vec<Delivery> {
        self.queue.receive(consumer, max, now, LEASE).await.unwrap()
    }

    async fn received(&self, consumer: &str, now: Timestamp) -> Vec<Event> {
        events_of(self.receive(consumer, 1000, now).await)
    }

    /// One consumer of one kind with one event, which it has received at the moment returned.
    async fn one_received(&self) -> (Delivery, Timestamp) {
        self.declare(MAIL, &[KIND]).await;
        self.publish(KIND, 1).await;
        let now = samples::moment();
        (self.only_delivery(MAIL, now).await, now)
    }

    async fn only_delivery(&self, consumer: &str, now: Timestamp) -> Delivery {
        let mut deliveries = self.receive(consumer, 10, now).await;
        assert_eq!(deliveries.len(), 1, "{deliveries:?}");
        deliveries.remove(0)
    }
}

fn events_of(deliveries: Vec<Delivery>) -> Vec<Event> {
    deliveries.into_iter().map(|delivery| delivery.event).collect()
}

const MAIL: &str = "notification";
const MUSIC: &str = "music";
const KIND: EventKind = EventKind::AccountCreated;
const LEASE: Duration = Duration::from_secs(60);
const MICROSECOND: Duration = Duration::from_micros(1);

/// Makes a module of named tests that hold a queue to the contract of
/// [`Queue`](crate::port::Queue).
#[macro_export]
macro_rules! queue_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            queue,
            $name,
            $fixture,
            [
                every_kind_of_event_survives,
                consumers_get_the_kinds_they_asked_for,
                each_consumer_gets_each_event,
                events_without_consumer_are_dropped,
                events_before_the_declaration_are_not_kept,
                declaring_again_loses_nothing,
                declaring_again_replaces_the_kinds,
                events_come_in_the_order_of_publishing,
                a_batch_has_at_most_max,
                publishing_again_adds_no_delivery,
                concurrent_publishing_adds_one_delivery,
                leased_deliveries_come_again_when_the_lease_ends,
                acknowledged_deliveries_never_come_again,
                late_acknowledgement_of_the_newest_attempt_counts,
                acknowledgement_of_an_older_attempt_changes_nothing,
                retried_deliveries_come_when_due,
                retry_may_come_before_the_lease_ends,
                retry_of_an_older_attempt_changes_nothing,
                a_retry_holds_up_no_other,
                dead_letters_keep_event_attempt_and_reason,
                dead_letters_come_longest_dead_first,
                dead_lettering_an_older_attempt_changes_nothing,
                consumers_settle_apart,
                settling_what_is_settled_changes_nothing,
                concurrent_receivers_share_no_delivery,
                nothing_published_during_receiving_is_lost,
            ]
        );
    };
}

/// An event of every kind comes out as it went in, as the first attempt of its consumer.
pub async fn every_kind_of_event_survives(fixture: &QueueFixture) {
    fixture.declare(MAIL, &EventKind::ALL).await;
    let events = samples::events();
    for event in &events {
        fixture.queue.publish(event, event.occurred_at).await.unwrap();
    }
    let deliveries = fixture.receive(MAIL, 10, samples::moment()).await;
    for delivery in &deliveries {
        assert_eq!((delivery.id.consumer.as_str(), delivery.id.attempt), (MAIL, 1));
        assert_eq!(delivery.id.event, delivery.event.id);
    }
    assert_eq!(events_of(deliveries), events);
}

/// A consumer gets every kind it asked for and no other.
pub async fn consumers_get_the_kinds_they_asked_for(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[EventKind::AccountCreated, EventKind::TrackDeleted]).await;
    fixture.declare(MUSIC, &[]).await;
    let mut wanted = fixture.publish(EventKind::AccountCreated, 1).await;
    fixture.publish(EventKind::SessionRevoked, 1).await;
    fixture.publish(EventKind::TrackPublished, 1).await;
    wanted.extend(fixture.publish(EventKind::TrackDeleted, 1).await);
    assert_eq!(fixture.received(MAIL, samples::moment()).await, wanted);
    assert_eq!(fixture.received(MUSIC, samples::moment()).await, []);
}

/// Two consumers of one kind both get all of it, each as its own first attempt.
pub async fn each_consumer_gets_each_event(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    fixture.declare(MUSIC, &[KIND]).await;
    let events = fixture.publish(KIND, 3).await;
    let now = samples::moment();
    for consumer in [MAIL, MUSIC] {
        let deliveries = fixture.receive(consumer, 10, now).await;
        assert!(deliveries.iter().all(|delivery| delivery.id.attempt == 1));
        assert!(deliveries.iter().all(|delivery| delivery.id.consumer == consumer));
        assert_eq!(events_of(deliveries), events);
    }
}

/// Publishing what nobody asked for succeeds.
pub async fn events_without_consumer_are_dropped(fixture: &QueueFixture) {
    fixture.publish(KIND, 1).await;
    fixture.declare(MAIL, &[EventKind::TrackDeleted]).await;
    fixture.publish(KIND, 1).await;
    assert_eq!(fixture.received(MAIL, samples::moment()).await, []);
}

/// A consumer gets what is published from its declaration on.
pub async fn events_before_the_declaration_are_not_kept(fixture: &QueueFixture) {
    fixture.declare(MUSIC, &[KIND]).await;
    fixture.publish(KIND, 2).await;
    fixture.declare(MAIL, &[KIND]).await;
    let later = fixture.publish(KIND, 1).await;
    assert_eq!(fixture.received(MAIL, samples::moment()).await, later);
}

/// A restart that declares the same again finds deliveries, leases and dead letters as they were.
pub async fn declaring_again_loses_nothing(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    let events = fixture.publish(KIND, 3).await;
    let now = samples::moment();
    let dead = &fixture.receive(MAIL, 1, now).await[0];
    fixture.queue.dead_letter(&dead.id, "no", now).await.unwrap();
    fixture.receive(MAIL, 1, now).await;
    fixture.declare(MAIL, &[KIND]).await;
    assert_eq!(fixture.received(MAIL, now).await, events[2..]);
    assert_eq!(fixture.received(MAIL, samples::after(now, LEASE)).await, events[1..]);
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap().len(), 1);
}

/// From the second declaration on the new kinds count; what was kept before stays.
pub async fn declaring_again_replaces_the_kinds(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[EventKind::AccountCreated]).await;
    let mut expected = fixture.publish(EventKind::AccountCreated, 1).await;
    fixture.declare(MAIL, &[EventKind::TrackDeleted]).await;
    fixture.publish(EventKind::AccountCreated, 1).await;
    expected.extend(fixture.publish(EventKind::TrackDeleted, 1).await);
    assert_eq!(fixture.received(MAIL, samples::moment()).await, expected);
}

/// Where nothing is retried, the order of publishing is the order of delivery.
pub async fn events_come_in_the_order_of_publishing(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    // An older event may be published later: the relay of another process was slower.
    let late = samples::event(KIND);
    let mut events = fixture.publish(KIND, 30).await;
    fixture.queue.publish(&late, samples::moment()).await.unwrap();
    events.push(late);
    assert_eq!(fixture.received(MAIL, samples::moment()).await, events);
}

/// A batch is no greater than asked for, and the next one goes on where it stopped.
pub async fn a_batch_has_at_most_max(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    let events = fixture.publish(KIND, 5).await;
    let now = samples::moment();
    assert_eq!(fixture.receive(MAIL, 0, now).await, []);
    assert_eq!(events_of(fixture.receive(MAIL, 2, now).await), events[..2]);
    assert_eq!(events_of(fixture.receive(MAIL, 2, now).await), events[2..4]);
    assert_eq!(events_of(fixture.receive(MAIL, 2, now).await), events[4..]);
    assert_eq!(fixture.receive(MAIL, 2, now).await, []);
}

/// Publishing again what waits, is leased or is dead adds nothing; a consumer that has not got it
/// yet gets it.
pub async fn publishing_again_adds_no_delivery(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    let event = &fixture.publish(KIND, 1).await[0];
    let now = samples::moment();
    fixture.queue.publish(event, now).await.unwrap();
    let delivery = fixture.only_delivery(MAIL, now).await;
    fixture.queue.publish(event, now).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 10, now).await, []);

    fixture.declare(MUSIC, &[KIND]).await;
    fixture.queue.dead_letter(&delivery.id, "no", now).await.unwrap();
    fixture.queue.publish(event, now).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 10, now).await, []);
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap().len(), 1);
    assert_eq!(fixture.only_delivery(MUSIC, now).await.event, *event);
}

/// Two relays that publish the same event at once add one delivery.
pub async fn concurrent_publishing_adds_one_delivery(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    let event = samples::event(KIND);
    let calls = (0..20).map(|_| {
        let (queue, event) = (fixture.queue.clone(), event.clone());
        tokio::spawn(async move { queue.publish(&event, event.occurred_at).await.unwrap() })
    });
    join_all(calls).await.into_iter().for_each(Result::unwrap);
    assert_eq!(fixture.received(MAIL, samples::moment()).await, [event]);
}

/// What is not settled comes again when its lease ends, to the microsecond, as the next attempt.
pub async fn leased_deliveries_come_again_when_the_lease_ends(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let until = samples::after(now, LEASE);
    assert_eq!(fixture.receive(MAIL, 10, samples::before(until, MICROSECOND)).await, []);
    let second = fixture.only_delivery(MAIL, until).await;
    assert_eq!((second.id.attempt, &second.event), (2, &first.event));
    assert_eq!(
        fixture.receive(MAIL, 10, samples::before(samples::after(until, LEASE), MICROSECOND)).await,
        []
    );
    assert_eq!(fixture.only_delivery(MAIL, samples::after(until, LEASE)).await.id.attempt, 3);
}

/// Only what was acknowledged stays away.
pub async fn acknowledged_deliveries_never_come_again(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    let events = fixture.publish(KIND, 3).await;
    let now = samples::moment();
    let deliveries = fixture.receive(MAIL, 10, now).await;
    fixture.queue.ack(&deliveries[0].id).await.unwrap();
    fixture.queue.ack(&deliveries[2].id).await.unwrap();
    assert_eq!(fixture.received(MAIL, samples::after(now, LEASE * 2)).await, events[1..2]);
}

/// Work that took longer than the lease is done all the same, if nobody else has begun it.
pub async fn late_acknowledgement_of_the_newest_attempt_counts(fixture: &QueueFixture) {
    let (delivery, now) = fixture.one_received().await;
    fixture.queue.ack(&delivery.id).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 10, samples::after(now, LEASE * 2)).await, []);
}

/// Once it was delivered again, the older attempt's acknowledgement takes nothing away.
pub async fn acknowledgement_of_an_older_attempt_changes_nothing(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let later = samples::after(now, LEASE);
    fixture.only_delivery(MAIL, later).await;
    fixture.queue.ack(&first.id).await.unwrap();
    let third = fixture.only_delivery(MAIL, samples::after(later, LEASE)).await;
    assert_eq!(third.id.attempt, 3);
}

/// A retry stays away until it is due, to the microsecond, even past the lease.
pub async fn retried_deliveries_come_when_due(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let due = samples::after(now, LEASE * 10);
    fixture.queue.retry(&first.id, due, "451 try later\r\n später").await.unwrap();
    assert_eq!(fixture.receive(MAIL, 10, samples::before(due, MICROSECOND)).await, []);
    let second = fixture.only_delivery(MAIL, due).await;
    assert_eq!((second.id.attempt, second.event), (2, first.event));
}

/// A retry that is due at once does not wait for the lease of the failed attempt.
pub async fn retry_may_come_before_the_lease_ends(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    fixture.queue.retry(&first.id, now, "again").await.unwrap();
    assert_eq!(fixture.only_delivery(MAIL, now).await.id.attempt, 2);
}

/// Once it was delivered again, the older attempt cannot put it off.
pub async fn retry_of_an_older_attempt_changes_nothing(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let later = samples::after(now, LEASE);
    let second = fixture.only_delivery(MAIL, later).await;
    fixture.queue.retry(&first.id, later, "too late").await.unwrap();
    assert_eq!(fixture.receive(MAIL, 10, later).await, []);
    fixture.queue.ack(&second.id).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 10, samples::after(later, LEASE * 100)).await, []);
}

/// While one waits for its retry the others are delivered.
pub async fn a_retry_holds_up_no_other(fixture: &QueueFixture) {
    let (poison, now) = fixture.one_received().await;
    fixture.queue.retry(&poison.id, samples::after(now, LEASE * 100_000), "busy").await.unwrap();
    let good = fixture.publish(KIND, 3).await;
    assert_eq!(fixture.received(MAIL, samples::moment()).await, good);
}

/// A dead letter never comes again, and tells everything: attempt, event, reason and moment.
pub async fn dead_letters_keep_event_attempt_and_reason(fixture: &QueueFixture) {
    let (_, now) = fixture.one_received().await;
    let later = samples::after(now, LEASE);
    let second = fixture.only_delivery(MAIL, later).await;
    let died_at = samples::moment();
    let reason = format!("550 unbekannt: 夜 'quoted' {}", "x".repeat(2_000));
    fixture.queue.dead_letter(&second.id, &reason, died_at).await.unwrap();

    assert_eq!(fixture.receive(MAIL, 10, samples::after(later, LEASE * 100)).await, []);
    let expected = DeadLetter { id: second.id, event: second.event, reason, died_at };
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap(), [expected]);
}

/// The longest dead come first, at most `max`, whatever the order of publishing and of the calls.
pub async fn dead_letters_come_longest_dead_first(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    fixture.publish(KIND, 4).await;
    let deliveries = fixture.receive(MAIL, 10, samples::moment()).await;
    let last = samples::moment();
    let mut expected = Vec::new();
    for (delivery, seconds_before) in deliveries.into_iter().zip([1, 3, 0, 2]) {
        let died_at = samples::before(last, Duration::from_secs(seconds_before));
        fixture.queue.dead_letter(&delivery.id, "no", died_at).await.unwrap();
        expected.push((died_at, delivery.id));
    }
    expected.sort_by_key(|(died_at, _)| *died_at);
    let dead = async |max| -> Vec<_> {
        let letters = fixture.queue.dead_letters(MAIL, max).await.unwrap();
        letters.into_iter().map(|letter| (letter.died_at, letter.id)).collect()
    };
    assert_eq!(dead(10).await, expected);
    assert_eq!(dead(2).await, expected[..2]);
}

/// Once it was delivered again, the older attempt cannot give it up.
pub async fn dead_lettering_an_older_attempt_changes_nothing(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let later = samples::after(now, LEASE);
    fixture.only_delivery(MAIL, later).await;
    fixture.queue.dead_letter(&first.id, "too late", later).await.unwrap();
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap(), []);
    assert_eq!(fixture.only_delivery(MAIL, samples::after(later, LEASE)).await.id.attempt, 3);
}

/// What one consumer acknowledges, retries or gives up still comes to the other.
pub async fn consumers_settle_apart(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    fixture.declare(MUSIC, &[KIND]).await;
    let events = fixture.publish(KIND, 3).await;
    let now = samples::moment();
    let mails = fixture.receive(MAIL, 10, now).await;
    fixture.queue.ack(&mails[0].id).await.unwrap();
    fixture.queue.retry(&mails[1].id, samples::after(now, LEASE * 50), "later").await.unwrap();
    fixture.queue.dead_letter(&mails[2].id, "never", now).await.unwrap();

    assert_eq!(fixture.received(MUSIC, now).await, events);
    assert_eq!(fixture.queue.dead_letters(MUSIC, 10).await.unwrap(), []);
    let again = fixture.receive(MUSIC, 10, samples::after(now, LEASE)).await;
    assert!(again.iter().all(|delivery| delivery.id.attempt == 2));
    assert_eq!(events_of(again), events);
}

/// Acknowledging twice, or retrying what is acknowledged, is no error and brings nothing back.
pub async fn settling_what_is_settled_changes_nothing(fixture: &QueueFixture) {
    let (delivery, now) = fixture.one_received().await;
    fixture.queue.ack(&delivery.id).await.unwrap();
    fixture.queue.ack(&delivery.id).await.unwrap();
    fixture.queue.retry(&delivery.id, now, "again").await.unwrap();
    fixture.queue.dead_letter(&delivery.id, "no", now).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 10, samples::after(now, LEASE * 2)).await, []);
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap(), []);
}

/// Workers of one consumer that receive at the same time share no delivery and miss none.
pub async fn concurrent_receivers_share_no_delivery(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    let events = fixture.publish(KIND, 60).await;
    let now = samples::moment();
    let workers = (0..8).map(|_| {
        let queue = fixture.queue.clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let batch = queue.receive(MAIL, 4, now, LEASE).await.unwrap();
                if batch.is_empty() {
                    return mine;
                }
                mine.extend(events_of(batch));
            }
        })
    });
    let mut received: Vec<_> = join_all(workers).await.into_iter().flat_map(Result::unwrap).collect();
    received.sort_by_key(|event| event.id);
    assert_eq!(received, events);
}

/// What is published while a consumer works is delivered, once.
pub async fn nothing_published_during_receiving_is_lost(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    let publishers: Vec<_> = (0..4)
        .map(|_| {
            let queue = fixture.queue.clone();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..15 {
                    let event = samples::event(KIND);
                    queue.publish(&event, event.occurred_at).await.unwrap();
                    ids.push(event.id);
                }
                ids
            })
        })
        .collect();
    let mut received = Vec::new();
    loop {
        let done = publishers.iter().all(tokio::task::JoinHandle::is_finished);
        let batch = fixture.receive(MAIL, 3, samples::moment()).await;
        if done && batch.is_empty() {
            break;
        }
        for delivery in batch {
            fixture.queue.ack(&delivery.id).await.unwrap();
            received.push(delivery.event.id);
        }
        tokio::task::yield_now().await;
    }
    let published: BTreeSet<_> = join_all(publishers).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(received.len(), published.len());
    assert_eq!(received.into_iter().collect::<BTreeSet<_>>(), published);
}
