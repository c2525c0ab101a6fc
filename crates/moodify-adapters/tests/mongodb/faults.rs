use std::time::Duration;

use mongodb::bson::{Document, doc};
use moodify_adapters::mongodb::{MongoConfig, MongoStore};
use moodify_core::conformance::samples;
use moodify_core::port::{Outbox, UserStore, UserStoreError};

use crate::server::Server;
use crate::{new_server, new_slot, sign_up, unavailable};

const LEASE: Duration = Duration::from_secs(30);

/// A store that soon gives up a silent server.
async fn impatient(server: &Server) -> MongoStore {
    let mut config = MongoConfig::new(server.url("moodify"));
    config.connect_timeout = Duration::from_secs(1);
    config.operation_timeout = Duration::from_secs(1);
    MongoStore::connect(&config).await.unwrap()
}

/// Calls until one succeeds: the driver finds out by itself that the server is back, and how long that takes
/// is its business. What fails until then says that it may pass.
async fn back(store: &MongoStore) {
    let found = async {
        loop {
            let (new, event) =
                (samples::account(), samples::event(moodify_core::model::EventKind::AccountCreated));
            let session = samples::session(&new.account);
            match store.create_account(&new, &session, &[event]).await {
                Ok(()) => return,
                Err(UserStoreError::Unavailable(fault)) => assert!(fault.retryable, "{fault}"),
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), found).await.expect("the server is not found again");
}

async fn outage(leave: impl Fn(&mut Server), come_back: impl Fn(&mut Server)) {
    let mut server = new_server!(start);
    let store = impatient(&server).await;
    let (new, event) = sign_up(&store).await;
    for _ in 0..2 {
        leave(&mut server);
        assert!(unavailable(store.account(new.account.id).await).retryable);
        let again = samples::account();
        let session = samples::session(&again.account);
        assert!(unavailable(store.create_account(&again, &session, &[]).await).retryable);
        assert!(store.ping().await.is_err_and(|fault| fault.retryable));
        come_back(&mut server);
        back(&store).await;
        assert_eq!(store.account(new.account.id).await.unwrap().as_ref(), Some(&new.account));
    }
    store.ping().await.unwrap();
    assert_eq!(store.lease(1, samples::moment(), LEASE).await.unwrap(), [event]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_told_and_found_again() {
    outage(Server::kill, Server::start_again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_told_and_found_again() {
    outage(|server| server.freeze(true), |server| server.freeze(false)).await;
}

async fn all(slot: &crate::slot::Slot, collection: &str, set: Document) {
    let raw = slot.raw().await.collection::<Document>(collection);
    raw.update_many(doc! {}, doc! { "$set": set }).await.unwrap();
}

#[tokio::test]
async fn a_value_that_was_never_stored_by_us_is_reported() {
    let (store, slot) = new_slot!();
    let (new, _) = sign_up(&store).await;
    for value in [doc! { "first_name": "" }, doc! { "first_name": 7 }] {
        all(&slot, "accounts", value).await;
        let fault = unavailable(store.account(new.account.id).await);
        assert!(!fault.retryable && fault.to_string().contains("first_name"), "{fault}");
    }
}

#[tokio::test]
async fn an_unreadable_event_does_not_block_the_others() {
    let (store, slot) = new_slot!();
    sign_up(&store).await;
    all(&slot, "outbox", doc! { "event": "{}" }).await;
    let (_, event) = sign_up(&store).await;
    assert_eq!(store.lease(10, samples::moment(), LEASE).await.unwrap(), [event]);
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_behind() {
    let (store, _slot) = new_slot!();
    let (new, event) = sign_up(&store).await;
    let again = samples::account();
    let session = samples::session(&again.account);
    // The same event twice: the step fails at its very end, and nothing of what is stored is told.
    let fault = unavailable(store.create_account(&again, &session, &[event]).await).to_string();
    assert!(fault.contains("a key is taken already") && !fault.contains("dup key"), "{fault}");
    assert_eq!(store.account(again.account.id).await.unwrap(), None);
    assert!(store.account(new.account.id).await.unwrap().is_some());
}

/// A process that died in the middle of a step is in the way of whoever changes the same, until the server forgets that
/// step; who comes then gets through, and others do meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_step_of_the_dead_holds_up_nobody_else() {
    let (store, slot) = new_slot!();
    let (new, _) = sign_up(&store).await;
    let raw = slot.raw().await;
    let mut dead = raw.client().start_session().await.unwrap();
    dead.start_transaction().await.unwrap();
    let change = doc! { "$inc": { "held": 1_i64 } };
    raw.collection::<Document>("accounts").update_many(doc! {}, change).session(&mut dead).await.unwrap();
    let others = async {
        for _ in 0..5 {
            sign_up(&store).await;
        }
    };
    let (deleted, ()) = tokio::join!(store.delete_account(new.account.id, 0, &[]), others);
    assert!(unavailable(deleted).retryable);
    dead.abort_transaction().await.unwrap();
    assert!(store.delete_account(new.account.id, 0, &[]).await.unwrap());
}

#[tokio::test]
async fn after_closing_every_call_fails() {
    let (store, slot) = new_slot!();
    store.ping().await.unwrap();
    store.round_trip().await.unwrap();
    store.round_trip().await.unwrap();
    store.close().await;
    assert!(store.ping().await.is_err());
    assert!(store.round_trip().await.is_err());
    let counted = slot.raw().await.collection::<Document>("round_trips").find_one(doc! {}).await.unwrap();
    assert_eq!(counted.unwrap().get_i64("count").unwrap(), 2);
}
