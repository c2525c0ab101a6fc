//! Relays and workers in several processes that are killed again and again.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use moodify_adapters::sql::{PostgresConfig, SqlStore};
use moodify_core::conformance::samples;
use moodify_core::memory::SystemClock;
use moodify_core::model::{Event, EventKind, Timestamp};
use moodify_core::port::{Clock, Consumer, Outbox, Queue, UserStore};
use sqlx::{Executor, Row};

use crate::new_schema;

const URL: &str = "MOODIFY_TEST_OF_KILLS";
const CONSUMERS: [&str; 2] = ["notification", "music"];
const WRITES: usize = 120;
const EVENTS_A_WRITE: usize = 2;
const PROCESSES: usize = 3;
const KILLS: usize = 12;
/// Far longer than a task here takes to handle an event on a busy machine; a killed one's events come
/// again after it.
const LEASE: Duration = Duration::from_secs(10);

/// Not a test: the process that [`kills_lose_no_event_and_let_none_be_handled_twice_at_a_time`] kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as the child of another test"]
async fn child_that_relays_and_handles_for_ever() {
    let url = std::env::var(URL).unwrap();
    let store = SqlStore::connect(&PostgresConfig::new(url.clone()).into()).await.unwrap();
    let handled = sqlx::PgPool::connect(&url).await.unwrap();
    tokio::join!(relay(&store), work(&store, &handled, CONSUMERS[0]), work(&store, &handled, CONSUMERS[1]));
}

async fn relay(store: &SqlStore) {
    let queue = store.queue();
    loop {
        let events = store.lease(5, SystemClock.now(), LEASE).await.unwrap();
        for event in &events {
            queue.publish(event, SystemClock.now()).await.unwrap();
        }
        store.mark_published(&samples::event_ids(&events)).await.unwrap();
        if events.is_empty() {
            SystemClock.sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Notes when each handling begins and ends, by the database's clock.
async fn work(store: &SqlStore, handled: &sqlx::PgPool, consumer: &'static str) {
    let queue = store.queue();
    loop {
        let deliveries = queue.receive(consumer, 3, SystemClock.now(), LEASE).await.unwrap();
        for delivery in &deliveries {
            let begin = "INSERT INTO handled (consumer, event_id, began) VALUES ($1, $2, clock_timestamp()) RETURNING id";
            let begin =
                sqlx::query(begin).bind(consumer).bind(delivery.event.id.as_uuid().as_bytes().to_vec());
            let id: i64 = begin.fetch_one(handled).await.unwrap().get(0);
            SystemClock.sleep(Duration::from_millis(3)).await;
            let end = "UPDATE handled SET ended = clock_timestamp() WHERE id = $1";
            sqlx::query(end).bind(id).execute(handled).await.unwrap();
            queue.ack(&delivery.id).await.unwrap();
        }
        if deliveries.is_empty() {
            SystemClock.sleep(Duration::from_millis(20)).await;
        }
    }
}

fn start(url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "kills::child_that_relays_and_handles_for_ever"])
        .env(URL, url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_no_event_and_let_none_be_handled_twice_at_a_time() {
    let schema = new_schema!();
    let store = schema.store().await;
    let queue = store.queue();
    let handled =
        "CREATE TABLE handled (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, consumer TEXT NOT NULL,
                   event_id BYTEA NOT NULL, began TIMESTAMPTZ NOT NULL, ended TIMESTAMPTZ)";
    schema.raw().await.execute(handled).await.unwrap();
    for name in CONSUMERS {
        queue.declare(&Consumer { name, kinds: EventKind::ALL.to_vec() }).await.unwrap();
    }

    let mut children: Vec<Child> = (0..PROCESSES).map(|_| start(&schema.url())).collect();
    for write in 0..WRITES {
        let events: Vec<Event> =
            (0..EVENTS_A_WRITE).map(|_| samples::event(EventKind::TrackDeleted)).collect();
        let new = samples::account();
        store.create_account(&new, &samples::session(&new.account), &events).await.unwrap();
        SystemClock.sleep(Duration::from_millis(20)).await;
        if write % (WRITES / KILLS) == 1 {
            let [chance] = samples::random::<1>();
            SystemClock.sleep(Duration::from_millis(u64::from(chance) / 4)).await;
            let victim = usize::from(chance) % PROCESSES;
            kill(&mut children[victim]);
            children[victim] = start(&schema.url());
        }
    }
    let mut raw = schema.raw().await;
    let open =
        "SELECT (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*) FROM deliveries WHERE state = 'open')";
    let done = async {
        while raw.fetch_one(open).await.unwrap().get::<i64, _>(0) > 0 {
            SystemClock.sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), done).await.expect("an event is never handled");
    children.iter_mut().for_each(kill);

    let expected = i64::try_from(WRITES * EVENTS_A_WRITE * CONSUMERS.len()).unwrap();
    let whole = "SELECT COUNT(DISTINCT (consumer, event_id)) FROM handled WHERE ended IS NOT NULL";
    assert_eq!(raw.fetch_one(whole).await.unwrap().get::<i64, _>(0), expected);
    let overlaps = "SELECT COUNT(*) FROM handled AS a JOIN handled AS b USING (consumer, event_id)
                    WHERE a.id < b.id AND b.began < a.ended";
    assert_eq!(raw.fetch_one(overlaps).await.unwrap().get::<i64, _>(0), 0, "handled twice at a time");
    let soon = "SELECT COUNT(*) FROM handled AS a JOIN handled AS b USING (consumer, event_id)
                WHERE a.id < b.id AND a.ended IS NULL AND b.began < a.began + interval '5 seconds'";
    assert_eq!(
        raw.fetch_one(soon).await.unwrap().get::<i64, _>(0),
        0,
        "taken over before the lease was over"
    );
    assert_eq!(store.lease(1, Timestamp::MAX, Duration::ZERO).await.unwrap(), []);
    store.close().await;
}
