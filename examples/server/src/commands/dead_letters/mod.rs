//! `moodify dead-letters`: what could not be handled, looked at and decided on while the server runs.

mod table;

use moodify_core::{
    Services,
    model::EventId,
    port::{DeadLetter, Letters, Queue, QueueError},
    service::delivery::CONSUMERS,
};
use serde_json::json;

use crate::{
    assemble::{self, Upgrade},
    commands::runtime,
    config::Settings,
    failure::{Failure, one_line},
    logging,
};

/// More than anybody reads.
const MOST: usize = 1_000;

/// Which dead letters a command is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    /// Of this consumer; of all of them if there is none.
    pub(crate) consumer: Option<&'static str>,
    /// Of this event; of all of them if there is none.
    pub(crate) event: Option<EventId>,
}

impl Choice {
    fn consumers(self) -> impl Iterator<Item = &'static str> {
        CONSUMERS.into_iter().filter(move |name| self.consumer.is_none_or(|chosen| chosen == *name))
    }

    fn letters(self) -> Letters {
        self.event.map_or(Letters::All, Letters::Of)
    }
}

/// What is decided on a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is handled again.
    Replay,
    /// It is given up for good.
    Drop,
}

/// Prints the dead letters as a table or as JSON, one object a line.
///
/// # Errors
/// If the queue does not work.
pub(crate) fn list(settings: &Settings, choice: Choice, as_json: bool) -> Result<(), Failure> {
    with_queue(settings, async |queue| {
        let mut letters = Vec::new();
        for consumer in choice.consumers() {
            letters.extend(queue.dead_letters(consumer, MOST).await.map_err(|error| broken(&error))?);
        }
        letters.retain(|letter| choice.event.is_none_or(|event| letter.id.event == event));
        letters.sort_by_key(|letter| letter.died_at);
        if as_json {
            for letter in letters {
                println!("{}", line(letter));
            }
        } else {
            print!("{}", table::table(&letters));
            if letters.len() >= MOST {
                println!("There may be more: these are the {MOST} longest dead of each consumer.");
            }
        }
        Ok(())
    })
}

/// Replays or drops them.
///
/// # Errors
/// If the queue does not work, or there is no dead letter of the event that was named.
pub(crate) fn decide(
    settings: &Settings,
    choice: Choice,
    decision: Decision,
    as_json: bool,
) -> Result<(), Failure> {
    with_queue(settings, async |queue| {
        let now = assemble::context().now();
        let mut counts = Vec::new();
        for consumer in choice.consumers() {
            let count = match decision {
                Decision::Replay => queue.replay(consumer, choice.letters(), now).await,
                Decision::Drop => queue.discard(consumer, choice.letters()).await,
            };
            counts.push((consumer, count.map_err(|error| broken(&error))?));
        }
        let all: u64 = counts.iter().map(|(_, count)| count).sum();
        if let (0, Some(event)) = (all, choice.event) {
            return Err(Failure::new(
                format!("there is no dead letter of the event {event}"),
                "see `moodify dead-letters list`",
            ));
        }
        let done = if decision == Decision::Replay { "replayed" } else { "dropped" };
        if as_json {
            println!("{}", json!({ done: all }));
        } else {
            for (consumer, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
                println!("{consumer}: {count} {done}");
            }
            if all == 0 {
                println!("There is no dead letter.");
            }
        }
        Ok(())
    })
}

/// Beside a running server: nothing here takes its locks.
fn with_queue(
    settings: &Settings,
    work: impl AsyncFnOnce(&dyn Queue) -> Result<(), Failure>,
) -> Result<(), Failure> {
    logging::start(&settings.log)?;
    assemble::queue_between(settings)?;
    if settings.queue()?.scheme() != "database" {
        // A broker's: whose databases there are does not matter.
        return runtime()?.block_on(async {
            let queue = assemble::queue(settings, None, assemble::context().clock).await?;
            let worked = work(&*queue).await;
            queue.close().await;
            worked
        });
    }
    let database = settings.database(Services::ALL)?;
    if database.scheme() == "sqlite" && !database.path().exists() {
        return Err(Failure::new(
            format!("there is no database at {}", database.path().display()),
            "name the server's data with --data or --database",
        ));
    }
    runtime()?.block_on(async {
        let store = assemble::database(settings, Services::ALL, Upgrade::No).await?;
        let worked = match assemble::queue(settings, Some(&*store), assemble::context().clock).await {
            Ok(queue) => {
                let worked = work(&*queue).await;
                queue.close().await;
                worked
            }
            Err(failure) => Err(failure),
        };
        store.close().await;
        worked
    })
}

fn broken(error: &QueueError) -> Failure {
    Failure::new(format!("the queue does not work: {}", one_line(error)), "run `moodify doctor`")
}

/// Without the secrets of links.
fn line(letter: DeadLetter) -> serde_json::Value {
    json!({
        "consumer": letter.id.consumer,
        "died_at": letter.died_at.to_string(),
        "attempts": letter.id.attempt,
        "reason": letter.reason,
        "event": letter.event.redacted(),
    })
}
