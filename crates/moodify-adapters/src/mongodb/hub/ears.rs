//! What the other processes tell, over a change stream.

use std::collections::HashMap;

use mongodb::bson::{Document, doc};
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::ChangeStreamEvent;
use moodify_core::port::Measurement;

use super::base::{Base, HINTS};
use super::error::Fault;
use super::sync_hub::Inner;
use crate::hub::Message;
use crate::mongodb::row::Row;

/// How many processes are told apart; those of the past are among them.
const MOST_PROCESSES: usize = 1_000;

/// Hears everything that is stored from its making on, but for what this process stored itself.
pub(super) struct Ears {
    changes: ChangeStream<ChangeStreamEvent<Document>>,
    last: Numbers,
}

/// What was heard last of each process.
#[derive(Default)]
struct Numbers(HashMap<String, i64>);

/// How a number follows the one before.
#[derive(Debug, PartialEq)]
enum Follows {
    /// Nothing is missing.
    At,
    /// Something is missing between the two.
    Gap,
    /// It was given up by its sender, and came all the same.
    Late,
}

impl Numbers {
    fn note(&mut self, process: &str, number: i64) -> Follows {
        if self.0.len() >= MOST_PROCESSES {
            self.0.clear();
        }
        let Some(last) = self.0.get_mut(process) else {
            // The first one since we listen.
            self.0.insert(process.to_owned(), number);
            return Follows::At;
        };
        if number <= *last {
            return Follows::Late;
        }
        let follows = if number == *last + 1 { Follows::At } else { Follows::Gap };
        *last = number;
        follows
    }
}

impl Ears {
    pub(super) async fn open(base: &Base) -> Result<Self, Fault> {
        let database = &base.store.database;
        let news = doc! {
            "operationType": "insert",
            "ns.coll": HINTS,
            "fullDocument.from": { "$ne": base.me.to_string() },
        };
        let watch = database.inner.watch().pipeline([doc! { "$match": news }]);
        let changes = base.ask("open a change stream", database.within(watch)).await?;
        Ok(Self { changes, last: Numbers::default() })
    }

    /// Passes on what others publish, until nothing more can come. Returns why.
    pub(super) async fn listen(mut self, inner: &Inner) -> Fault {
        let database = &inner.base.store.database;
        // The server answers after a second when there is nothing; whether it tells all is for the pulse to see.
        let patience = inner.base.config.timeout + inner.base.config.lease;
        loop {
            let next = database.within(self.changes.next_if_any());
            let change = match tokio::time::timeout(patience, next).await {
                Ok(Ok(change)) => change,
                Ok(Err(fault)) => return Fault::Database("tell what others publish", fault.into()),
                Err(_) => return Fault::Silent(patience, "what others publish"),
            };
            match change.and_then(|change| change.full_document) {
                Some(hint) => {
                    if let Err(fault) = self.last.hear(inner, &Row(hint)) {
                        // Of another version: its devices find out by themselves.
                        tracing::warn!(%fault, "a playback hint cannot be read");
                    }
                }
                None if self.changes.is_alive() => {}
                None => return Fault::Lost,
            }
        }
    }
}

impl Numbers {
    fn hear(&mut self, inner: &Inner, hint: &Row) -> Result<(), Fault> {
        let (me, number) = (inner.base.me, hint.int("number")?);
        let pulse_of = hint.optional_text("pulse_of")?;
        // Of this process nothing but its pulse is told.
        if pulse_of == Some(me.to_string().as_str()) {
            inner.base.echo.send_replace(number);
            return Ok(());
        }
        let process = match pulse_of {
            Some(process) => process,
            None => hint.text("from")?,
        };
        let follows = self.note(process, number);
        if follows == Follows::Gap {
            tracing::warn!("playback hints of another process were lost; devices are brought up to date");
            inner.base.context.record(Measurement::SyncInterrupted);
            inner.here.local.miss();
        }
        if pulse_of.is_some() {
            return Ok(());
        }
        let account = hint.id("account_id")?;
        let bytes = hint.optional_bytes("message")?.unwrap_or_default();
        match Message::decode::<Fault>(bytes, me)? {
            // Later ones were heard before it, and it counts as lost; an end never does.
            Some(Message::Hint(..)) if follows == Follows::Late => {}
            Some(message) => inner.here.deliver(account, &message),
            None => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_seen_by_its_number() {
        let mut last = Numbers::default();
        let heard = [("a", 7), ("a", 8), ("b", 1), ("a", 11), ("a", 9), ("b", 2), ("a", 12)]
            .map(|(process, number)| last.note(process, number));
        use Follows::{At, Gap, Late};
        assert_eq!(heard, [At, At, At, Gap, Late, At, At]);
    }
}
