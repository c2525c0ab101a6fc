//! Hints between processes, over `LISTEN` and `NOTIFY`. Whoever misses one finds out when it polls.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPool, PgPoolOptions};
use sqlx::{Executor, Row};
use tokio::task::JoinHandle;

use super::Topic;
use crate::hint::Hint;
use crate::sql::error::Fault;

/// After so long without a hint the connection is asked whether it still stands.
const QUIET: Duration = Duration::from_secs(60);
/// How long the server has for anything that is asked here.
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The hints of one process, and the two tasks that carry them. They end with it.
pub(super) struct Hints {
    topics: Topics,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Clone)]
struct Topics {
    outbox: Hint,
    queue: Hint,
}

/// Where a process hears and speaks, and how it knows its own voice.
#[derive(Clone)]
struct Line {
    channel: String,
    name: String,
}

impl Hints {
    /// Begins to carry hints of the schema that this connection uses.
    pub(super) async fn start(
        connection: &mut PgConnection,
        options: PgConnectOptions,
        pool: PgPool,
    ) -> Result<Self, sqlx::Error> {
        // Channels belong to the database: one for each schema in it. Names are cut at 63 bytes.
        let line = "SELECT 'moodify_' || hashtextextended(current_schema(), 0) AS channel,
                           gen_random_uuid()::text AS name";
        let line = connection.fetch_one(line).await?;
        let line = Line { channel: line.try_get("channel")?, name: line.try_get("name")? };
        let topics = Topics { outbox: Hint::for_all(), queue: Hint::for_all() };
        let tasks = [
            tokio::spawn(hear(options, line.clone(), topics.clone())),
            tokio::spawn(speak(pool, line, topics.clone())),
        ];
        Ok(Self { topics, tasks })
    }

    pub(super) fn of(&self, topic: Topic) -> Hint {
        self.topics.of(topic).clone()
    }

    pub(super) fn stop(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Topics {
    fn of(&self, topic: Topic) -> &Hint {
        match topic {
            Topic::Outbox => &self.outbox,
            Topic::Queue => &self.queue,
        }
    }
}

fn word(topic: Topic) -> &'static str {
    match topic {
        Topic::Outbox => "outbox",
        Topic::Queue => "queue",
    }
}

/// Passes on what this process gives: after its commit and apart from it, because commits that notify
/// wait for each other. Many hints in a row become one.
async fn speak(pool: PgPool, line: Line, topics: Topics) {
    loop {
        let topic = tokio::select! {
            () = topics.outbox.to_pass_on() => Topic::Outbox,
            () = topics.queue.to_pass_on() => Topic::Queue,
        };
        let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(&line.channel);
        let notify = notify.bind(format!("{} {}", word(topic), line.name));
        if let Err(error) = super::postgres::within(PATIENCE, notify.execute(&pool)).await {
            tracing::debug!(%error, "a hint was not passed on");
        }
    }
}

/// Wakes those who wait here when another process has given a hint. Connects again for ever.
async fn hear(options: PgConnectOptions, line: Line, topics: Topics) {
    let mut wait = FIRST_WAIT;
    loop {
        let Err(error) = listen(&options, &line, &topics, &mut wait).await;
        tracing::warn!(%error, ?wait, "hints of other processes are not heard: events wait for the next poll");
        pause(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn listen(
    options: &PgConnectOptions,
    line: &Line,
    topics: &Topics,
    wait: &mut Duration,
) -> Result<std::convert::Infallible, Fault> {
    // A pool of its own each time: a connection that died silently may occupy its place for long.
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let pool = pool.acquire_timeout(PATIENCE).connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    super::postgres::within(PATIENCE, listener.listen(&line.channel)).await?;
    *wait = FIRST_WAIT;
    // There may have been some while nobody listened.
    topics.outbox.wake();
    topics.queue.wake();
    loop {
        let Ok(received) = tokio::time::timeout(QUIET, listener.try_recv()).await else {
            super::postgres::within(PATIENCE, listener.execute("SELECT 1")).await?;
            continue;
        };
        let hint = received?.ok_or_else(Fault::lost)?;
        let (topic, speaker) = hint.payload().split_once(' ').unwrap_or_default();
        if speaker != line.name {
            for known in [Topic::Outbox, Topic::Queue] {
                if word(known) == topic {
                    topics.of(known).wake();
                }
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "spares a server that is down; no rule depends on it")]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}
