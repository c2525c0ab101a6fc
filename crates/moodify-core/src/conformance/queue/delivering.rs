use std::collections::BTreeSet;

use futures::future::join_all;

use super::{KIND, LEASE, MAIL, MUSIC, QueueFixture, events_of};
use crate::conformance::samples;
use crate::model::EventKind;
use crate::port::Consumer;

/// An event of every kind comes out as it went in, as the first attempt of its consumer.
pub async fn every_kind_of_event_survives(fixture: &QueueFixture) {
    fixture.declare(MAIL, &EventKind::ALL).await;
    let events = samples::events();
    for event in &events {
        fixture.queue.publish(event, event.occurred_at).await.unwrap();
    }
    let deliveries = fixture.receive(MAIL, 100, samples::moment()).await;
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

/// Of declarations at the same time, as when several processes start, one stands in the end, whole.
pub async fn concurrent_declarations_leave_one_of_them(fixture: &QueueFixture) {
    let one = [EventKind::AccountCreated, EventKind::TrackPublished];
    let other = [EventKind::TrackPublished, EventKind::SessionRevoked, EventKind::TrackDeleted];
    fixture.declare(MAIL, &one).await;
    let declarations = (0..20).map(|n| {
        let kinds = if n % 2 == 0 { one.to_vec() } else { other.to_vec() };
        let (queue, consumer) = (fixture.queue.clone(), Consumer { name: MAIL, kinds });
        tokio::spawn(async move { queue.declare(&consumer).await.unwrap() })
    });
    join_all(declarations).await.into_iter().for_each(Result::unwrap);
    for kind in EventKind::ALL {
        fixture.publish(kind, 1).await;
    }
    let received = fixture.received(MAIL, samples::moment()).await;
    let mut kinds: Vec<_> = received.iter().map(|event| event.payload.kind()).collect();
    kinds.sort();
    let [mut one, mut other] = [one.to_vec(), other.to_vec()];
    one.sort();
    other.sort();
    assert!(kinds == one || kinds == other, "{kinds:?}");
}

/// Two consumers of one kind both get all of it, each as its own first attempt.
pub async fn each_consumer_gets_each_event(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    fixture.declare(MUSIC, &[KIND]).await;
    let events = fixture.publish(KIND, 3).await;
    let now = samples::moment();
    for consumer in [MAIL, MUSIC] {
        let deliveries = fixture.receive(consumer, 100, now).await;
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

/// Publishing again what waits, is leased or is dead adds nothing, or one at most where the technology may
/// repeat; a consumer that has not got it yet gets it.
pub async fn publishing_again_adds_no_delivery(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    let event = &fixture.publish(KIND, 1).await[0];
    let now = samples::moment();
    fixture.queue.publish(event, now).await.unwrap();
    let delivery = fixture.only_delivery(MAIL, now).await;
    fixture.queue.publish(event, now).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 100, now).await, []);

    fixture.declare(MUSIC, &[KIND]).await;
    fixture.queue.dead_letter(&delivery.id, "no", now).await.unwrap();
    fixture.queue.publish(event, now).await.unwrap();
    let repeated = fixture.received(MAIL, now).await;
    if fixture.may_repeat {
        assert!(repeated.is_empty() || repeated == [event.clone()], "{repeated:?}");
    } else {
        assert_eq!(repeated, []);
    }
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

/// Publishing many at once is publishing each: in their order, none twice, each to its consumers.
pub async fn many_at_once_are_published_in_their_order(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    fixture.declare(MUSIC, &[EventKind::TrackDeleted]).await;
    let mut events: Vec<_> = (0..30).map(|_| samples::event(KIND)).collect();
    events.reverse();
    let other = samples::event(EventKind::TrackDeleted);
    events.insert(3, other.clone());
    let now = samples::moment();
    fixture.queue.publish_all(&events[..5], now).await.unwrap();
    fixture.queue.publish_all(&events, now).await.unwrap();
    fixture.queue.publish_all(&[], now).await.unwrap();
    assert_eq!(fixture.received(MUSIC, now).await, [other]);
    events.remove(3);
    assert_eq!(fixture.received(MAIL, now).await, events);
}
