//! Every exchange and queue there is, and how they hang together. Nothing else declares any, but for the
//! queue that is a [lock](super::lock).
//!
//! | Name | What it is | Bound to |
//! |---|---|---|
//! | `moodify.events` | topic exchange: events, the kind as routing key | |
//! | `moodify.again` | direct exchange: back from waiting, the consumer as routing key | |
//! | `moodify.dead` | direct exchange: dead letters, the consumer as routing key | |
//! | `moodify.<consumer>` | quorum queue: what is due | `events` by kind, `again` |
//! | `moodify.<consumer>.wait.<time>` | quorum queues: what comes back to `again` after this time | |
//! | `moodify.<consumer>.dead` | quorum queue: what was given up | `dead` |

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};
use moodify_core::model::EventKind;

use super::error::Fault;
use super::session::Session;

/// How often the broker gives a message to consumers that break off, before it makes it a dead letter
/// itself. Above what a worker of the core puts up with: it gives the better reason.
pub(super) const DELIVERIES: u32 = 41;

/// Looking at a dead letter is a delivery too, and none is ever too many. Brokers from 4.0 on would
/// otherwise drop it after 20.
const NO_LIMIT: i64 = 1_000_000_000;

/// The names of one deployment.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    prefix: String,
    waits: Vec<Duration>,
}

impl Topology {
    pub(super) fn new(prefix: &str, waits: &[Duration]) -> Self {
        Self { prefix: prefix.to_owned(), waits: waits.to_vec() }
    }

    /// Where events are published.
    pub(super) fn events(&self) -> ShortString {
        self.name("events")
    }

    fn again(&self) -> ShortString {
        self.name("again")
    }

    /// Where dead letters are published.
    pub(super) fn dead_exchange(&self) -> ShortString {
        self.name("dead")
    }

    /// What is due.
    pub(super) fn due(&self, consumer: &str) -> ShortString {
        self.name(consumer)
    }

    /// What was given up.
    pub(super) fn dead(&self, consumer: &str) -> ShortString {
        self.name(&format!("{consumer}.dead"))
    }

    /// Whoever has this queue may change what belongs to the consumer.
    pub(super) fn lock(&self, consumer: &str) -> ShortString {
        self.name(&format!("{consumer}.lock"))
    }

    /// The queues of what waits.
    pub(super) fn waiting(&self, consumer: &str) -> impl Iterator<Item = ShortString> {
        self.waits.iter().map(move |wait| self.wait(consumer, *wait))
    }

    /// Where something waits that is due after this time: as long as it may without being late, or the
    /// shortest there is. What comes back early waits again, for what is left.
    pub(super) fn wait_for(&self, consumer: &str, left: Duration) -> ShortString {
        let fitting = self.waits.iter().rev().find(|wait| **wait <= left);
        let shortest = self.waits.first().copied().unwrap_or_default();
        self.wait(consumer, fitting.copied().unwrap_or(shortest))
    }

    /// Where something waits that nobody can say a time for.
    pub(super) fn longest_wait(&self, consumer: &str) -> ShortString {
        self.wait_for(consumer, Duration::MAX)
    }

    fn wait(&self, consumer: &str, wait: Duration) -> ShortString {
        let millis = wait.as_millis();
        let wait =
            if millis.is_multiple_of(1000) { format!("{}s", millis / 1000) } else { format!("{millis}ms") };
        self.name(&format!("{consumer}.wait.{wait}"))
    }

    fn name(&self, rest: &str) -> ShortString {
        format!("{}.{rest}", self.prefix).into()
    }

    /// Declares the exchanges.
    pub(super) async fn declare_exchanges(&self, session: &Session, channel: &Channel) -> Result<(), Fault> {
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        for (name, kind) in [
            (self.events(), ExchangeKind::Topic),
            (self.again(), ExchangeKind::Direct),
            (self.dead_exchange(), ExchangeKind::Direct),
        ] {
            session.declared(channel.exchange_declare(name, kind, durable, FieldTable::default())).await?;
        }
        Ok(())
    }

    /// Declares the queues of a consumer; what is in them stays. It gets no events by that.
    pub(super) async fn declare_queues(
        &self,
        session: &Session,
        channel: &Channel,
        consumer: &str,
    ) -> Result<(), Fault> {
        // The first one is not counted.
        let mut due = quorum(i64::from(DELIVERIES) - 1);
        leads_to(&mut due, &self.dead_exchange(), consumer);
        declare(session, channel, self.due(consumer), due).await?;
        declare(session, channel, self.dead(consumer), quorum(NO_LIMIT)).await?;
        for wait in &self.waits {
            let mut arguments = quorum(NO_LIMIT);
            leads_to(&mut arguments, &self.again(), consumer);
            let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(millis));
            declare(session, channel, self.wait(consumer, *wait), arguments).await?;
        }
        bind(session, channel, self.due(consumer), self.again(), consumer).await?;
        bind(session, channel, self.dead(consumer), self.dead_exchange(), consumer).await
    }

    /// Makes these the kinds of events that the consumer gets. What is wanted before and after is wanted
    /// all the time.
    pub(super) async fn bind(
        &self,
        session: &Session,
        channel: &Channel,
        consumer: &str,
        kinds: &[EventKind],
    ) -> Result<(), Fault> {
        for kind in kinds {
            bind(session, channel, self.due(consumer), self.events(), kind.as_str()).await?;
        }
        for kind in EventKind::ALL.into_iter().filter(|kind| !kinds.contains(kind)) {
            let (queue, exchange) = (self.due(consumer), self.events());
            let unbound = channel.queue_unbind(queue, exchange, kind.as_str().into(), FieldTable::default());
            session.declared(unbound).await?;
        }
        Ok(())
    }
}

/// Kept by a majority of a cluster's nodes.
fn quorum(delivery_limit: i64) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(delivery_limit));
    arguments
}

/// What the queue gives up goes there, and leaves the queue only when it has arrived: by default it would
/// be gone when the other queue has no leader just then.
fn leads_to(arguments: &mut FieldTable, exchange: &ShortString, consumer: &str) {
    for (name, value) in [
        ("x-dead-letter-exchange", exchange.as_str()),
        ("x-dead-letter-routing-key", consumer),
        ("x-dead-letter-strategy", "at-least-once"),
        // That strategy asks for it; there is no limit that could overflow.
        ("x-overflow", "reject-publish"),
    ] {
        arguments.insert(name.into(), AMQPValue::LongString(value.into()));
    }
}

async fn declare(
    session: &Session,
    channel: &Channel,
    queue: ShortString,
    arguments: FieldTable,
) -> Result<(), Fault> {
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    session.declared(channel.queue_declare(queue, durable, arguments)).await.map(drop)
}

async fn bind(
    session: &Session,
    channel: &Channel,
    queue: ShortString,
    exchange: ShortString,
    key: &str,
) -> Result<(), Fault> {
    let options = QueueBindOptions::default();
    session.declared(channel.queue_bind(queue, exchange, key.into(), options, FieldTable::default())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_waits_longer_than_it_has_to() {
        let topology = Topology::new("m", &[1, 5, 30].map(Duration::from_secs));
        for (left, queue) in [
            (0, "m.mail.wait.1s"),
            (999, "m.mail.wait.1s"),
            (4_999, "m.mail.wait.1s"),
            (5_000, "m.mail.wait.5s"),
            (36_000, "m.mail.wait.30s"),
        ] {
            let left = Duration::from_millis(left);
            assert_eq!(topology.wait_for("mail", left).as_str(), queue, "{left:?}");
        }
        assert_eq!(topology.longest_wait("mail").as_str(), "m.mail.wait.30s");
        let shorter = Topology::new("m", &[Duration::from_millis(250)]);
        assert_eq!(shorter.wait_for("mail", Duration::ZERO).as_str(), "m.mail.wait.250ms");
    }
}
