//! Playback of several processes over one database.

mod faults;
#[path = "../../shared/hub.rs"]
mod hub;
mod presence;
mod store;

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::Document;
use moodify_adapters::mongodb::{MongoConfig, MongoStore, MongoSync, MongoSyncConfig};
use moodify_core::memory::{SystemClock, SystemRng};
use moodify_core::service::Context;

use crate::server::Server;
use hub::{bounded, hear, hear_hint, hint, now, presence_of, state, subscriber, until};

/// A process of its own, with connections of its own.
struct Process {
    store: Arc<MongoStore>,
    sync: MongoSync,
}

/// One that soon gives up a server that is away, but not a slow one.
fn config() -> MongoSyncConfig {
    MongoSyncConfig { timeout: Duration::from_secs(5), lease: Duration::from_secs(15) }
}

async fn process(server: &Server, config: MongoSyncConfig) -> Process {
    let mut database = MongoConfig::new(server.url("moodify"));
    database.connect_timeout = Duration::from_secs(2);
    database.operation_timeout = Duration::from_secs(10);
    let store = Arc::new(MongoStore::connect(&database).await.unwrap());
    let context = Context::new(Arc::new(SystemClock), Arc::new(SystemRng));
    let sync = MongoSync::join(store.clone(), config, context).await.unwrap();
    Process { store, sync }
}

impl Process {
    /// In order: the driver does not bear another end.
    async fn end(self) {
        self.sync.close().await;
        self.store.close().await;
    }
}

/// A collection as the driver has it.
async fn raw(server: &Server, name: &str) -> mongodb::Collection<Document> {
    let client = mongodb::Client::with_uri_str(server.url("moodify")).await.unwrap();
    client.default_database().unwrap().collection(name)
}
