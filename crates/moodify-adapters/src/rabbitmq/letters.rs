//! Dead letters, looked through one by one: a queue can be asked for its next message only.

use lapin::Channel;
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions};
use moodify_core::model::Timestamp;
use moodify_core::port::{Chosen, DeadLetter, DeliveryId, Letters};

use super::error::Fault;
use super::message::{self, Outgoing, Way};
use super::session::Session;
use super::topology::Topology;

/// So many are looked through: more are in nobody's mind, and they are all in memory meanwhile.
const MOST: usize = 10_000;

/// So many are sent again at a time: all of them at once could take the broker longer than it has for an answer,
/// and would then be there twice.
const AT_ONCE: usize = 200;

/// So many are settled before the broker is asked whether it has taken that. Of what a channel says to a queue it keeps
/// back all beyond 32 that the queue has not stored yet (RabbitMQ's `quorum_commands_soft_limit`), and forgets what
/// it keeps when the channel ends: those letters would come back.
const UNHEARD: usize = 16;

/// Dead letters that nobody else sees until they are given back.
pub(super) struct Walk<'a> {
    session: &'a Session,
    channel: Channel,
    topology: &'a Topology,
    consumer: &'a str,
    letters: Vec<BasicGetMessage>,
}

impl<'a> Walk<'a> {
    /// Takes the dead letters of a consumer; `None` if there is no such consumer.
    pub(super) async fn begin(
        session: &'a Session,
        topology: &'a Topology,
        consumer: &'a str,
    ) -> Result<Option<Self>, Fault> {
        let channel = session.channel().await?;
        if session.standing(&channel, topology.dead(consumer)).await?.is_none() {
            return Ok(None);
        }
        let mut walk = Self { session, channel, topology, consumer, letters: Vec::new() };
        while walk.letters.len() < MOST {
            let Some(letter) = walk.take().await? else { break };
            walk.letters.push(letter);
        }
        Ok(Some(walk))
    }

    /// What they say, longest dead first.
    pub(super) fn read(&self) -> Vec<DeadLetter> {
        let read = |letter: &BasicGetMessage| dead_letter(self.consumer, letter);
        let mut letters: Vec<_> = self.letters.iter().filter_map(read).collect();
        letters.sort_by_key(|letter| letter.died_at);
        letters
    }

    /// Sends these to the consumer again, as if nothing had failed yet. After an error some of them were sent.
    pub(super) async fn replay(&mut self, letters: Letters) -> Result<u64, Fault> {
        let chosen = self.choose(letters);
        for some in chosen.chunks(AT_ONCE) {
            let again = |letter: &BasicGetMessage| {
                let way = Way { attempts: message::way_of_letter(letter).attempts, ..Way::default() };
                Outgoing::unread(letter, self.topology.due(self.consumer), &way)
            };
            let again: Vec<Outgoing> = some.iter().map(again).collect();
            self.session.deliver(&again).await?;
            self.settle(some).await?;
        }
        Ok(chosen.len() as u64)
    }

    /// Gives these up for good.
    pub(super) async fn discard(&mut self, letters: Letters) -> Result<u64, Fault> {
        let chosen = self.choose(letters);
        self.settle(&chosen).await
    }

    /// Gives those up for good of which this is true.
    pub(super) async fn discard_chosen(&mut self, chosen: Chosen<'_>) -> Result<u64, Fault> {
        let is_chosen = |letter: &mut BasicGetMessage| {
            dead_letter(self.consumer, letter).is_some_and(|letter| chosen(&letter))
        };
        let chosen: Vec<_> = self.letters.extract_if(.., is_chosen).collect();
        self.settle(&chosen).await
    }

    fn choose(&mut self, letters: Letters) -> Vec<BasicGetMessage> {
        let is_chosen = |letter: &mut BasicGetMessage| match letters {
            Letters::All => true,
            Letters::Of(event) => message::is_about(letter, event),
        };
        self.letters.extract_if(.., is_chosen).collect()
    }

    async fn settle(&mut self, chosen: &[BasicGetMessage]) -> Result<u64, Fault> {
        for some in chosen.chunks(UNHEARD) {
            for letter in some {
                let settled = letter.acker.ack(BasicAckOptions::default());
                self.session.within("forget a dead letter", settled).await?;
            }
            self.heard().await?;
        }
        Ok(chosen.len() as u64)
    }

    /// Waits until the queue has stored all that was said: who takes a message takes it after that.
    async fn heard(&mut self) -> Result<(), Fault> {
        let taken = self.take().await?;
        self.letters.extend(taken);
        Ok(())
    }

    async fn take(&self) -> Result<Option<BasicGetMessage>, Fault> {
        let got = self.channel.basic_get(self.topology.dead(self.consumer), BasicGetOptions::default());
        self.session.within("give a dead letter", got).await
    }

    /// Gives back what was not settled, in its order.
    pub(super) async fn end(self) -> Result<(), Fault> {
        // They are all that this channel has not settled.
        if let Some(last) = self.letters.last() {
            let options = BasicNackOptions { multiple: true, requeue: true };
            self.session.within("take a dead letter back", last.acker.nack(options)).await?;
        }
        // An answer on this channel: whoever looks next sees them.
        let queue = self.topology.dead(self.consumer);
        self.session.standing(&self.channel, queue).await?;
        self.session.end(&self.channel).await;
        Ok(())
    }
}

fn dead_letter(consumer: &str, letter: &Delivery) -> Option<DeadLetter> {
    let way = message::way_of_letter(letter);
    let event = message::event(letter)?;
    let by_hand = || ("somebody put it here by hand".to_owned(), Timestamp::UNIX_EPOCH);
    let (reason, died_at) = way.death.unwrap_or_else(by_hand);
    let id = DeliveryId { consumer: consumer.to_owned(), event: event.id, attempt: way.attempts };
    Some(DeadLetter { id, event, reason, died_at })
}
