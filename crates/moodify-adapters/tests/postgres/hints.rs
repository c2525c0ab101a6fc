use std::time::Duration;

use futures::FutureExt;
use moodify_adapters::sql::{PostgresConfig, SqlStore};
use moodify_core::conformance::samples;
use moodify_core::model::EventKind;
use moodify_core::port::{Consumer, Outbox, Queue};
use sqlx::Executor;

use crate::schema::Schema;
use crate::{new_schema, sign_up};

/// Far more than a hint takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The stores of two processes, when both of them listen.
async fn two(schema: &Schema) -> [SqlStore; 2] {
    let [one, other] = [listening(schema).await, listening(schema).await];
    [one, other]
}

async fn listening(schema: &Schema) -> SqlStore {
    let url = schema.url() + "&application_name=" + schema.name();
    let store = SqlStore::connect(&PostgresConfig::new(url).into()).await.unwrap();
    // Whoever begins to listen is told to look once.
    hears(|| store.changed()).await;
    let queue = store.queue();
    hears(|| queue.changed()).await;
    store
}

/// Waits for a hint; one that finds somebody waiting wakes the next one as well, which is taken too.
async fn hears<F: Future<Output = ()>>(changed: impl Fn() -> F) {
    tokio::time::timeout(PATIENCE, changed()).await.expect("no hint came");
    changed().now_or_never();
}

#[tokio::test]
async fn processes_hear_of_each_other() {
    let schema = new_schema!();
    let [one, other] = two(&schema).await;
    let (_, event) = sign_up(&one).await;
    hears(|| other.changed()).await;
    assert_eq!(other.queue().changed().now_or_never(), None, "one hint is not the other");

    let consumer = Consumer { name: "notification", kinds: EventKind::ALL.to_vec() };
    other.queue().declare(&consumer).await.unwrap();
    other.queue().publish(&event, samples::moment()).await.unwrap();
    let queue = one.queue();
    hears(|| queue.changed()).await;
    one.release(&[event.id]).await.unwrap();
    hears(|| other.changed()).await;
}

#[tokio::test]
async fn nobody_is_woken_by_an_echo() {
    let schema = new_schema!();
    let [one, other] = two(&schema).await;
    sign_up(&one).await;
    hears(|| one.changed()).await;
    // When the other one has heard it, the echo has been heard as well: they are sent in one order.
    hears(|| other.changed()).await;
    sign_up(&other).await;
    hears(|| one.changed()).await;
    assert_eq!(one.changed().now_or_never(), None);
}

#[tokio::test]
async fn schemas_do_not_hear_of_each_other() {
    let (here, elsewhere) = (new_schema!(), new_schema!());
    let [one, other] = [listening(&here).await, listening(&elsewhere).await];
    let witness = listening(&here).await;
    sign_up(&one).await;
    hears(|| witness.changed()).await;
    assert_eq!(other.changed().now_or_never(), None);
}

#[tokio::test]
async fn a_listener_that_lost_its_connection_listens_again() {
    let schema = new_schema!();
    let [one, other] = two(&schema).await;
    for _ in 0..3 {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = current_schema()";
        schema.raw().await.execute(end).await.unwrap();
        // It looks once when it listens again.
        hears(|| other.changed()).await;
        hears(|| one.changed()).await;
        let signed_up = async {
            while one.ping().await.is_err() {}
            sign_up(&one).await
        };
        tokio::time::timeout(PATIENCE, signed_up).await.unwrap();
        hears(|| other.changed()).await;
    }
}

#[tokio::test]
async fn after_closing_nobody_listens() {
    let schema = new_schema!();
    let store = listening(&schema).await;
    store.close().await;
    let left = "SELECT 1 FROM pg_stat_activity WHERE application_name = current_schema()";
    let gone = async { while schema.raw().await.fetch_optional(left).await.unwrap().is_some() {} };
    tokio::time::timeout(PATIENCE, gone).await.expect("a connection is left");
}
