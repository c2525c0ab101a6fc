//! Several processes on one database.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use moodify_adapters::mongodb::{MongoClaim, MongoConfig, MongoStore};
use moodify_core::conformance::samples;
use moodify_core::model::{AccountId, EventKind};
use moodify_core::port::{CatalogStore, Consumer, LibraryStore, Outbox, Queue};

use crate::{new_slot, sign_up};

/// Far more than a hint takes, or a claim to run out.
const PATIENCE: Duration = Duration::from_secs(60);

async fn beside(url: &str) -> Arc<MongoStore> {
    Arc::new(MongoStore::connect(&MongoConfig::new(url)).await.unwrap())
}

/// Waits for a hint; one that finds somebody waiting wakes the next one as well, which is taken too.
async fn hears<F: Future<Output = ()>>(changed: impl Fn() -> F) {
    tokio::time::timeout(PATIENCE, changed()).await.expect("no hint came");
    changed().now_or_never();
}

#[tokio::test]
async fn processes_hear_of_each_other() {
    let (one, slot) = new_slot!();
    let other = beside(slot.url()).await;
    // Whoever begins to listen is told to look once.
    let queue = other.queue();
    hears(|| other.changed()).await;
    hears(|| queue.changed()).await;
    let (_, event) = sign_up(&one).await;
    hears(|| other.changed()).await;

    let consumer = Consumer { name: "notification", kinds: EventKind::ALL.to_vec() };
    one.queue().declare(&consumer).await.unwrap();
    one.queue().publish(&event, samples::moment()).await.unwrap();
    hears(|| queue.changed()).await;
}

/// Every one of these writes the same document: none may be lost, and none may give up.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn steps_of_two_processes_that_meet_all_succeed() {
    let (one, slot) = new_slot!();
    let other = beside(slot.url()).await;
    let artist = samples::artist();
    one.upsert_artist(&artist).await.unwrap();
    let follows = (0..40).map(|number| {
        let (store, id) = (if number % 2 == 0 { one.clone() } else { other.clone() }, artist.id);
        tokio::spawn(async move {
            let account: AccountId = samples::id();
            store.follow(account, id, samples::moment(), &[]).await
        })
    });
    for followed in join_all(follows.collect::<Vec<_>>()).await {
        assert!(followed.unwrap().unwrap());
    }
    assert_eq!(one.artist_summary(artist.id).await.unwrap().unwrap().follower_count, 40);
}

async fn taken(store: &MongoStore) -> MongoClaim {
    let asked = async {
        loop {
            if let Some(claim) = store.claim_role("sync").await.unwrap() {
                return claim;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the claim is never free")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_free_again_when_its_holder_ends() {
    let (one, slot) = new_slot!();
    let other = beside(slot.url()).await;
    let claim = one.claim_role("sync").await.unwrap();
    assert!(claim.is_some());
    assert!(other.claim_role("sync").await.unwrap().is_none());
    assert!(other.claim_role("another").await.unwrap().is_some());
    drop(claim);
    let mut lost = taken(&other).await;
    // As if it had been silent for long: another one takes it, and this one is told.
    let over = mongodb::bson::doc! { "$set": { "until": mongodb::bson::DateTime::from_millis(0) } };
    let claims = slot.raw().await.collection::<mongodb::bson::Document>("claims");
    claims.update_many(mongodb::bson::doc! {}, over).await.unwrap();
    let _claim = taken(&one).await;
    tokio::time::timeout(PATIENCE, lost.lost()).await.expect("it is not told");
}
