//! An empty database for each case.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moodify_adapters::mongodb::{MongoConfig, MongoStore};

use crate::server;

const PATIENCE: Duration = Duration::from_secs(90);

/// A database of its own, until it is dropped.
pub(crate) struct Slot {
    url: String,
}

impl Slot {
    /// An empty one, and the stores in it; `None` as for [`server::shared`].
    pub(crate) async fn take() -> Option<(Arc<MongoStore>, Self)> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("moodify_test_{}_{number}", std::process::id());
        let url = server::url_of(server::shared(number)?, &name);
        let mut config = MongoConfig::new(url.clone());
        // SecantusDB does some 2,000 operations a second, for all cases at once; one case ranks 3,000 entries anew.
        // The driver's monitor asks on the same server: it must not take a busy one for a dead one.
        config.operation_timeout = PATIENCE;
        config.connect_timeout = PATIENCE;
        let store = MongoStore::connect(&config).await.unwrap();
        Some((Arc::new(store), Self { url }))
    }

    /// Its address.
    #[allow(dead_code, reason = "not every test needs it")]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The database as the driver has it.
    #[allow(dead_code, reason = "not every test needs it")]
    pub(crate) async fn raw(&self) -> mongodb::Database {
        raw(&self.url).await
    }
}

async fn raw(url: &str) -> mongodb::Database {
    let mut options = mongodb::options::ClientOptions::parse(url).await.unwrap();
    options.connect_timeout = Some(PATIENCE);
    options.server_selection_timeout = Some(PATIENCE);
    mongodb::Client::with_options(options).unwrap().default_database().unwrap()
}

impl Drop for Slot {
    fn drop(&mut self) {
        let url = self.url.clone();
        // With a runtime of its own: that of the case may be at its end.
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { raw(&url).await.drop().await })
        });
        // A server that was killed keeps nothing that matters.
        let _ = removed.join();
    }
}
