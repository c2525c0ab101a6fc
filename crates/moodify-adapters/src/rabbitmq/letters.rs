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
        let queue = topology.dead(consumer);
        if session.standing(&channel, queue.clone()).await?.is_none() {
            return Ok(None);
        }
        let mut letters = Vec::new();
        while letters.len() < MOST {
            let got = channel.basic_get(queue.clone(), BasicGetOptions::default());
            let Some(letter) = session.within("give a dead letter", got).await? else { break };
            letters.push(letter);
        }
        Ok(Some(Self { session, channel, topology, consumer, letters }))
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

    async fn settle(&self, chosen: &[BasicGetMessage]) -> Result<u64, Fault> {
        for letter in chosen {
            let settled = letter.acker.ack(BasicAckOptions::default());
            self.session.within("forget a dead letter", settled).await?;
        }
        Ok(chosen.len() as u64)
    }

    /// Gives back what was not settled, in its order.
    pub(super) async fn end(self) -> Result<(), Fault> {
        let options = BasicNackOptions { requeue: true, ..Default::default() };
        for letter in &self.letters {
            self.session.within("take a dead letter back", letter.acker.nack(options)).await?;
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
