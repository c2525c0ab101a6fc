//! A relay and a worker that are killed again and again, from an outbox in SQLite to a consumer.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moodify_adapters::rabbitmq::{RabbitConfig, RabbitQueue};
use moodify_adapters::sql::{SqlStore, SqliteConfig};
use moodify_core::conformance::samples;
use moodify_core::memory::{SystemClock, SystemRng};
use moodify_core::model::{Event, EventKind, Timestamp, later};
use moodify_core::port::{Clock, Consumer, Outbox, Queue, UserStore};
use moodify_core::service::Context;
use moodify_core::service::delivery::{HandleError, Handler, Relay, Worker};
use tokio_util::sync::CancellationToken;

use super::{MAIL, asks_for};
use crate::slot::Slot;

const FOLDER: &str = "MOODIFY_TEST_OF_KILLS";
const SERVER: &str = "MOODIFY_TEST_OF_KILLS_SERVER";
const PREFIX: &str = "MOODIFY_TEST_OF_KILLS_PREFIX";
const AHEAD: &str = "MOODIFY_TEST_OF_KILLS_AHEAD";
/// How many events: 10,000 in the design's table.
const EVENTS: &str = "KILLS_EVENTS";
const KILLS: usize = 20;
/// Longer than a relay's lease: what a killed one had leased is free for the next one.
const AHEAD_SECS: u64 = 31;
/// An event of 16 bytes, in the file of those that were handled.
const ID: usize = 16;

/// The machine's clock, ahead of it.
struct Ahead(Duration);

#[async_trait]
impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        later(SystemClock.now(), self.0)
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

/// Notes what it handles where a kill leaves it.
struct Notes(File);

#[async_trait]
impl Handler for Notes {
    fn consumer(&self) -> Consumer {
        asks_for(&[EventKind::TrackDeleted])
    }

    async fn handle(&self, event: &Event) -> Result<(), HandleError> {
        (&self.0).write_all(event.id.as_uuid().as_bytes()).unwrap();
        Ok(())
    }
}

fn outbox(folder: &Path) -> SqliteConfig {
    SqliteConfig::new(folder.join("outbox.db"))
}

fn notes(folder: &Path) -> PathBuf {
    folder.join("handled")
}

/// Not a test: the process that [`twenty_kills_lose_no_event`] kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as the child of another test"]
async fn child_that_relays_and_handles_for_ever() {
    let variable = |name| std::env::var(name).unwrap();
    let folder = PathBuf::from(variable(FOLDER));
    let ahead = Duration::from_secs(variable(AHEAD).parse().unwrap());
    let context = Context::new(Arc::new(Ahead(ahead)), Arc::new(SystemRng));
    let store = Arc::new(SqlStore::connect(&outbox(&folder).into()).await.unwrap());
    let mut config = RabbitConfig::from_url(&variable(SERVER).into()).unwrap();
    config.prefix = variable(PREFIX);
    let queue = Arc::new(RabbitQueue::connect(config, context.clock.clone()).await.unwrap());
    let notes = OpenOptions::new().append(true).open(notes(&folder)).unwrap();
    let relay = Relay::new(store, queue.clone(), context.clone());
    let worker = Worker::new(queue, Arc::new(Notes(notes)), context);
    let never = CancellationToken::new();
    tokio::join!(relay.run(&never), worker.run(&never));
}

struct World {
    folder: tempfile::TempDir,
    slot: Slot,
}

impl World {
    fn start(&self, nth: u64) -> Child {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--ignored", "--exact", "kills::child_that_relays_and_handles_for_ever"]);
        child.env(FOLDER, self.folder.path()).env(SERVER, self.slot.server());
        child.env(PREFIX, &self.slot.config.prefix).env(AHEAD, (nth * AHEAD_SECS).to_string());
        child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn handled(&self) -> usize {
        usize::try_from(notes(self.folder.path()).metadata().unwrap().len()).unwrap() / ID
    }

    /// Every event that was handled, with those that were handled again.
    fn ids(&self) -> Vec<Vec<u8>> {
        let bytes = std::fs::read(notes(self.folder.path())).unwrap();
        bytes.chunks_exact(ID).map(<[u8]>::to_vec).collect()
    }

    async fn until(&self, what: &str, done: impl AsyncFn() -> bool) {
        let patience = async {
            while !done().await {
                SystemClock.sleep(Duration::from_millis(2)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(120), patience).await;
        assert!(found.is_ok(), "never: {what}; {} handled", self.handled());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_no_event() {
    let Some(slot) = Slot::take().await else { return };
    let count: usize = std::env::var(EVENTS).map_or(1_000, |count| count.parse().unwrap());
    let world = World { folder: tempfile::tempdir().unwrap(), slot };
    let queue = world.slot.queue().await;
    queue.declare(&asks_for(&[EventKind::TrackDeleted])).await.unwrap();
    File::create(notes(world.folder.path())).unwrap();
    let store = SqlStore::connect(&outbox(world.folder.path()).into()).await.unwrap();
    let events: Vec<Event> = (0..count).map(|_| samples::event(EventKind::TrackDeleted)).collect();
    for portion in events.chunks(500) {
        let new = samples::account();
        store.create_account(&new, &samples::session(&new.account), portion).await.unwrap();
    }

    let mut child = world.start(0);
    for (nth, left) in (1..).zip((0..KILLS).rev()) {
        // Anywhere in what is left, so that the last one still finds something to do.
        let [chance] = samples::random::<1>();
        let room = (count - world.handled().min(count)) / (left + 2);
        let until = world.handled() + room * usize::from(chance) / 256;
        world.until("more is handled", async || world.handled() > until.min(count - 1)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        child = world.start(nth);
    }
    let wanted: HashSet<Vec<u8>> =
        events.iter().map(|event| event.id.as_uuid().as_bytes().to_vec()).collect();
    let all = || world.ids().into_iter().collect::<HashSet<_>>().is_superset(&wanted);
    world.until("every event is handled", async || world.handled() >= count && all()).await;
    world.until("the outbox is empty", async || store.backlog().await.unwrap().count == 0).await;
    child.kill().unwrap();
    child.wait().unwrap();
    // Its acknowledgements may not all have come through; but nothing was given up.
    assert_eq!(queue.depth(MAIL).await.unwrap().dead, 0);
    store.close().await;
}
