//! Holds an [`Outbox`] to its contract.

use std::{any::Any, sync::Arc, time::Duration};

use futures::future::join_all;

use super::{Keep, samples};
use crate::model::{Event, EventKind, LONGEST_WAIT, earlier};
use crate::port::{Backlog, Outbox, UserStore};

/// An empty outbox, and a store whose writes append to it.
pub struct OutboxFixture {
    /// The outbox under test.
    pub outbox: Arc<dyn Outbox>,
    /// Appends to it.
    pub users: Arc<dyn UserStore>,
    /// What must live as long as the outbox.
    pub keep: Keep,
}

impl OutboxFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the outbox.
    pub fn new(outbox: Arc<dyn Outbox>, users: Arc<dyn UserStore>, keep: impl Any + Send + Sync) -> Self {
        Self { outbox, users, keep: Box::new(keep) }
    }

    async fn append(&self, events: &[Event]) {
        let new = samples::account();
        self.users.create_account(&new, &samples::session(&new.account), events).await.unwrap();
    }

    /// Appends this many events, each in a write of its own, oldest first.
    async fn append_one_by_one(&self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        for kind in EventKind::ALL.into_iter().cycle().take(count) {
            let event = samples::event(kind);
            self.append(std::slice::from_ref(&event)).await;
            events.push(event);
        }
        events
    }
}

const LEASE: Duration = Duration::from_secs(30);
const MICROSECOND: Duration = Duration::from_micros(1);

/// Which of these events wait in the outbox, in its order. They stay unleased.
pub(super) async fn waiting(outbox: &dyn Outbox, events: &[Event]) -> Vec<Event> {
    let mut found = outbox.lease(10_000, samples::moment(), Duration::ZERO).await.unwrap();
    found.retain(|event| events.iter().any(|other| other.id == event.id));
    found
}

/// Makes a module of named tests that hold an outbox to the contract of
/// [`Outbox`](crate::port::Outbox).
#[macro_export]
macro_rules! outbox_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            outbox,
            $name,
            $fixture,
            [
                nothing_to_lease_at_first,
                every_kind_of_event_survives,
                events_come_oldest_first,
                the_order_is_that_of_the_writes,
                a_lease_takes_at_most_max,
                leased_events_come_again_when_the_lease_ends,
                marked_events_never_come_again,
                marking_needs_no_lease,
                unknown_ids_are_ignored,
                released_events_come_again_at_once,
                releasing_leaves_other_leases_alone,
                releasing_a_marked_event_does_not_bring_it_back,
                concurrent_leases_share_no_event,
                events_appended_during_leases_are_not_skipped,
                the_backlog_is_what_waits_and_since_when,
                a_clock_that_is_set_back_holds_no_lease,
            ]
        );
    };
}

/// An empty outbox leases nothing.
pub async fn nothing_to_lease_at_first(fixture: &OutboxFixture) {
    assert_eq!(fixture.outbox.lease(100, samples::moment(), LEASE).await.unwrap(), []);
}

/// An event of every kind comes out as it went in.
pub async fn every_kind_of_event_survives(fixture: &OutboxFixture) {
    let events = samples::events();
    fixture.append(&events).await;
    assert_eq!(fixture.outbox.lease(100, samples::moment(), LEASE).await.unwrap(), events);
}

/// Events of earlier writes come first.
pub async fn events_come_oldest_first(fixture: &OutboxFixture) {
    let events = fixture.append_one_by_one(30).await;
    assert_eq!(fixture.outbox.lease(100, samples::moment(), LEASE).await.unwrap(), events);
}

/// Neither within a write nor between writes do ids or moments decide: clocks of processes differ.
pub async fn the_order_is_that_of_the_writes(fixture: &OutboxFixture) {
    let mut events = samples::events();
    events.reverse();
    fixture.append(&events[..2]).await;
    fixture.append(&events[2..]).await;
    assert_eq!(fixture.outbox.lease(100, samples::moment(), LEASE).await.unwrap(), events);
}

/// A lease takes no more than asked for, and the next one goes on where it stopped.
pub async fn a_lease_takes_at_most_max(fixture: &OutboxFixture) {
    let events = fixture.append_one_by_one(5).await;
    let now = samples::moment();
    assert_eq!(fixture.outbox.lease(0, now, LEASE).await.unwrap(), []);
    assert_eq!(fixture.outbox.lease(2, now, LEASE).await.unwrap(), events[..2]);
    assert_eq!(fixture.outbox.lease(2, now, LEASE).await.unwrap(), events[2..4]);
    assert_eq!(fixture.outbox.lease(2, now, LEASE).await.unwrap(), events[4..]);
}

/// Leased events stay away until `now + lease`, to the microsecond, and come again then.
pub async fn leased_events_come_again_when_the_lease_ends(fixture: &OutboxFixture) {
    let events = fixture.append_one_by_one(2).await;
    let now = samples::moment();
    let until = samples::after(now, LEASE);
    assert_eq!(fixture.outbox.lease(100, now, LEASE).await.unwrap(), events);
    assert_eq!(fixture.outbox.lease(100, samples::before(until, MICROSECOND), LEASE).await.unwrap(), []);
    assert_eq!(fixture.outbox.lease(100, until, LEASE).await.unwrap(), events);
    assert_eq!(fixture.outbox.lease(100, until, LEASE).await.unwrap(), []);
}

/// A marked event is gone; the others of its batch come again when their lease ends.
pub async fn marked_events_never_come_again(fixture: &OutboxFixture) {
    let events = fixture.append_one_by_one(3).await;
    let now = samples::moment();
    fixture.outbox.lease(100, now, LEASE).await.unwrap();
    fixture.outbox.mark_published(&[events[0].id, events[2].id]).await.unwrap();
    let later = samples::after(now, LEASE * 2);
    assert_eq!(fixture.outbox.lease(100, later, LEASE).await.unwrap(), events[1..2]);
}

/// A relay that was slower than its lease still marks what it has published.
pub async fn marking_needs_no_lease(fixture: &OutboxFixture) {
    let events = fixture.append_one_by_one(1).await;
    fixture.outbox.mark_published(&samples::event_ids(&events)).await.unwrap();
    assert_eq!(fixture.outbox.lease(100, samples::moment(), LEASE).await.unwrap(), []);
}

/// Marking or releasing what is not there, twice, or nothing at all, is no error and changes
/// nothing else.
pub async fn unknown_ids_are_ignored(fixture: &OutboxFixture) {
    let events = fixture.append_one_by_one(2).await;
    let outbox = &fixture.outbox;
    outbox.mark_published(&[]).await.unwrap();
    outbox.release(&[]).await.unwrap();
    outbox.release(&[samples::id()]).await.unwrap();
    outbox.mark_published(&[samples::id(), events[0].id]).await.unwrap();
    outbox.mark_published(&[events[0].id]).await.unwrap();
    assert_eq!(outbox.lease(100, samples::moment(), LEASE).await.unwrap(), events[1..]);
}

/// Released events are leased by the next call, in their old place.
pub async fn released_events_come_again_at_once(fixture: &OutboxFixture) {
    let events = fixture.append_one_by_one(4).await;
    let now = samples::moment();
    assert_eq!(fixture.outbox.lease(2, now, LEASE).await.unwrap(), events[..2]);
    fixture.outbox.release(&samples::event_ids(&events[..2])).await.unwrap();
    assert_eq!(fixture.outbox.lease(100, now, LEASE).await.unwrap(), events);
}

/// Releasing one event frees no other.
pub async fn releasing_leaves_other_leases_alone(fixture: &OutboxFixture) {
    let events = fixture.append_one_by_one(3).await;
    let now = samples::moment();
    fixture.outbox.lease(100, now, LEASE).await.unwrap();
    fixture.outbox.release(&[events[1].id]).await.unwrap();
    assert_eq!(fixture.outbox.lease(100, now, LEASE).await.unwrap(), events[1..2]);
}

/// A release that comes after the mark changes nothing.
pub async fn releasing_a_marked_event_does_not_bring_it_back(fixture: &OutboxFixture) {
    let events = fixture.append_one_by_one(1).await;
    let now = samples::moment();
    fixture.outbox.lease(100, now, LEASE).await.unwrap();
    fixture.outbox.mark_published(&samples::event_ids(&events)).await.unwrap();
    fixture.outbox.release(&samples::event_ids(&events)).await.unwrap();
    assert_eq!(fixture.outbox.lease(100, samples::after(now, LEASE * 2), LEASE).await.unwrap(), []);
}

/// Leases taken at the same time share no event and miss none.
pub async fn concurrent_leases_share_no_event(fixture: &OutboxFixture) {
    let events: Vec<_> = (0..100).map(|_| samples::event(EventKind::TrackDeleted)).collect();
    fixture.append(&events).await;
    let now = samples::moment();
    let relays = (0..10).map(|_| {
        let outbox = fixture.outbox.clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let batch = outbox.lease(7, now, LEASE).await.unwrap();
                if batch.is_empty() {
                    return mine;
                }
                mine.extend(batch);
            }
        })
    });
    let mut leased: Vec<_> = join_all(relays).await.into_iter().flat_map(Result::unwrap).collect();
    leased.sort_by_key(|event| event.id);
    assert_eq!(leased, events);
}

/// What is appended while a relay works comes out too: each event once.
pub async fn events_appended_during_leases_are_not_skipped(fixture: &OutboxFixture) {
    const EACH: usize = 20;
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let users = fixture.users.clone();
            tokio::spawn(async move {
                let mut events = Vec::new();
                for _ in 0..EACH {
                    let (new, event) = (samples::account(), samples::event(EventKind::AccountCreated));
                    let session = samples::session(&new.account);
                    users.create_account(&new, &session, std::slice::from_ref(&event)).await.unwrap();
                    events.push(event);
                }
                events
            })
        })
        .collect();
    let now = samples::moment();
    let mut relayed = Vec::new();
    loop {
        let done = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let batch = fixture.outbox.lease(3, now, LEASE).await.unwrap();
        fixture.outbox.mark_published(&samples::event_ids(&batch)).await.unwrap();
        if done && batch.is_empty() {
            break;
        }
        relayed.extend(batch);
        tokio::task::yield_now().await;
    }
    let mut appended: Vec<_> = join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
    appended.sort_by_key(|event| event.id);
    relayed.sort_by_key(|event| event.id);
    assert_eq!(relayed, appended);
}

/// The backlog counts what was not marked, leased or not, and tells when the event at the front
/// happened. Asking changes nothing.
pub async fn the_backlog_is_what_waits_and_since_when(fixture: &OutboxFixture) {
    let outbox = &fixture.outbox;
    assert_eq!(outbox.backlog().await.unwrap(), Backlog::default());
    let events = fixture.append_one_by_one(3).await;
    let expected = |events: &[Event]| Backlog {
        count: events.len() as u64,
        oldest: events.first().map(|event| event.occurred_at),
    };
    assert_eq!(outbox.backlog().await.unwrap(), expected(&events));
    assert_eq!(outbox.lease(1, samples::moment(), LEASE).await.unwrap(), events[..1]);
    assert_eq!(outbox.backlog().await.unwrap(), expected(&events));
    outbox.mark_published(&[events[0].id]).await.unwrap();
    assert_eq!(outbox.backlog().await.unwrap(), expected(&events[1..]));
    outbox.mark_published(&samples::event_ids(&events)).await.unwrap();
    assert_eq!(outbox.backlog().await.unwrap(), Backlog::default());
}

/// A lease that was taken before the clock was set far back is over.
pub async fn a_clock_that_is_set_back_holds_no_lease(fixture: &OutboxFixture) {
    let events = fixture.append_one_by_one(2).await;
    let now = samples::moment();
    fixture.outbox.lease(100, now, LEASE).await.unwrap();
    let barely = earlier(samples::after(now, LEASE), LONGEST_WAIT);
    assert_eq!(fixture.outbox.lease(100, barely, LEASE).await.unwrap(), []);
    let long_ago = samples::before(barely, MICROSECOND);
    assert_eq!(fixture.outbox.lease(100, long_ago, LEASE).await.unwrap(), events);
}
