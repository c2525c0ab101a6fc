use std::time::Duration;

use futures::future::join_all;
use mongodb::bson::{Document, doc};
use moodify_adapters::mongodb::{MongoConfig, MongoConnectError, MongoStore};
use moodify_core::port::UserStore;

use crate::{new_server, new_slot, sign_up};

async fn refusal(url: &str) -> MongoConnectError {
    let mut config = MongoConfig::new(url);
    config.connect_timeout = Duration::from_secs(1);
    config.operation_timeout = Duration::from_secs(1);
    match MongoStore::connect(&config).await {
        Ok(_) => panic!("opened {url}"),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2") && shown.contains("; "), "{shown}");
            error
        }
    }
}

#[test]
fn a_configuration_shows_no_secret() {
    assert!(
        !format!("{:?}", MongoConfig::new("mongodb://ada:hunter2@db.example/moodify")).contains("hunter2")
    );
}

#[tokio::test]
async fn says_that_the_url_is_none() {
    for url in [
        "hunter2",
        "mysql://ada:hunter2@host/db",
        "mongodb:hunter2",
        "mongodb://ada:hunter2@host:port/db",
        "mongodb://ada:hunter2#@host/db",
        "mongodb://ada:hunter2@x@host/db",
        "mongodb://ada:hunter2/x@host/db",
        "mongodb://host/db?readConcernLevel=majority&w=hunter2x&wtimeoutMS=hunter2",
        "mongodb://host/db?connectTimeoutMS=hunter2",
    ] {
        let error = refusal(url).await;
        assert!(matches!(error, MongoConnectError::Url { .. }), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn says_that_nobody_listens() {
    let error = refusal("mongodb://127.0.0.1:1/moodify").await;
    assert!(matches!(error, MongoConnectError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("mongodb://127.0.0.1:1/moodify"), "{error}");
    let error = refusal("mongodb://ada:hunter2@no-such-host.invalid/moodify").await;
    assert!(matches!(error, MongoConnectError::Unreachable { .. }), "{error:?}");
}

/// A listener that takes the connection and then says nothing.
#[tokio::test]
async fn says_that_the_server_is_silent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = refusal(&format!("mongodb://{}/moodify", listener.local_addr().unwrap())).await;
    assert!(matches!(error, MongoConnectError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn says_that_the_server_has_no_transactions() {
    let server = new_server!(standalone);
    let error = refusal(&server.url("moodify")).await;
    assert!(matches!(error, MongoConnectError::NoTransactions { .. }), "{error:?}");
    assert!(error.to_string().contains("rs.initiate()"), "{error}");
}

#[tokio::test]
async fn says_that_the_log_in_is_refused() {
    let mut server = new_server!(start);
    let admin = mongodb::Client::with_uri_str(server.url("admin")).await.unwrap().database("admin");
    let ada =
        doc! { "createUser": "ada", "pwd": "right", "roles": [{ "role": "readWrite", "db": "moodify" }] };
    admin.run_command(ada).await.unwrap();
    server.kill();
    server.start_again_with(&["--auth"]);
    let with = |password: &str| {
        let url = server.url("moodify").replace("mongodb://", &format!("mongodb://ada:{password}@"));
        format!("{url}?authSource=admin")
    };
    let error = refusal(&with("hunter2")).await;
    assert!(matches!(error, MongoConnectError::LogIn { .. }), "{error:?}");
    let store = MongoStore::connect(&MongoConfig::new(with("right"))).await.unwrap();
    sign_up(&store).await;
}

async fn versioned(url: &str, version: i64) {
    let raw = mongodb::Client::with_uri_str(url).await.unwrap().default_database().unwrap();
    let schema = raw.collection::<Document>("schema");
    schema.update_one(doc! {}, doc! { "$set": { "version": version } }).await.unwrap();
}

#[tokio::test]
async fn newer_and_older_versions_are_told_apart() {
    let (store, slot) = new_slot!();
    store.close().await;
    versioned(slot.url(), 9999).await;
    let error = refusal(slot.url()).await;
    assert!(matches!(error, MongoConnectError::TooNew { found: 9999, .. }), "{error:?}");

    versioned(slot.url(), 0).await;
    match MongoStore::connect_beside(&MongoConfig::new(slot.url())).await {
        Err(MongoConnectError::TooOld { found: 0, .. }) => {}
        other => panic!("{:?}", other.map(|_| ())),
    }
    MongoStore::connect(&MongoConfig::new(slot.url())).await.unwrap();
    MongoStore::connect_beside(&MongoConfig::new(slot.url())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_on_an_empty_database_all_succeed() {
    let (store, slot) = new_slot!();
    slot.raw().await.drop().await.unwrap();
    drop(store);
    let opened = (0..6).map(|_| {
        let url = slot.url().to_owned();
        tokio::spawn(async move { MongoStore::connect(&MongoConfig::new(url)).await.unwrap() })
    });
    let mut accounts = Vec::new();
    for store in join_all(opened.collect::<Vec<_>>()).await {
        accounts.push(sign_up(&store.unwrap()).await.0.account);
    }
    let store = MongoStore::connect(&MongoConfig::new(slot.url())).await.unwrap();
    for account in accounts {
        assert_eq!(store.account(account.id).await.unwrap(), Some(account));
    }
}
