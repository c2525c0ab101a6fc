//! Holds a [`Queue`] to its contract.

mod delivering;
mod settling;

pub use delivering::*;
pub use settling::*;

use std::{any::Any, sync::Arc, time::Duration};

use futures::future::BoxFuture;

use super::{Keep, samples};
use crate::model::{Event, EventKind, Timestamp};
use crate::port::{Consumer, Delivery, Queue};

/// An empty queue that no consumer is known to.
pub struct QueueFixture {
    /// The queue under test.
    pub queue: Arc<dyn Queue>,
    /// What must live as long as the queue.
    pub keep: Keep,
    /// Whether publishing an event again may add a second delivery; see [`Queue::publish`].
    pub may_repeat: bool,
    /// Ends every waiting that the technology does by its own clock, early if need be: cases make up
    /// their moments.
    pub end_waiting: Option<EndWaiting>,
}

/// See [`QueueFixture::end_waiting`].
pub type EndWaiting = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

impl QueueFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the queue.
    pub fn new(queue: Arc<dyn Queue>, keep: impl Any + Send + Sync) -> Self {
        Self { queue, keep: Box::new(keep), may_repeat: false, end_waiting: None }
    }

    /// Declares that the technology cannot tell whether an event was published before.
    #[must_use]
    pub fn that_may_repeat(self) -> Self {
        Self { may_repeat: true, ..self }
    }

    /// Declares that the technology waits by itself, and how to end that.
    #[must_use]
    pub fn that_waits_until(self, end: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self { end_waiting: Some(Box::new(end)), ..self }
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
        if let Some(end) = &self.end_waiting {
            end().await;
        }
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
        let mut deliveries = self.receive(consumer, 100, now).await;
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
                concurrent_declarations_leave_one_of_them,
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
                reasons_may_hold_any_character,
                dead_lettering_an_older_attempt_changes_nothing,
                consumers_settle_apart,
                settling_what_is_settled_changes_nothing,
                only_retries_are_failures,
                postponed_deliveries_come_when_due,
                a_clock_that_is_set_back_holds_nothing_up,
                a_replayed_dead_letter_begins_anew,
                all_dead_letters_are_replayed,
                discarded_dead_letters_are_gone,
                chosen_dead_letters_are_gone_wherever_they_stood,
                only_settled_deliveries_are_forgotten,
                many_at_once_are_published_in_their_order,
                concurrent_receivers_share_no_delivery,
                nothing_published_during_receiving_is_lost,
                the_depth_is_what_is_kept_for_each_consumer,
            ]
        );
    };
}
