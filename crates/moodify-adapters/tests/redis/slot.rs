//! Keys and channels of the test's own, on a server that others use too.

use std::io::Write;
use std::sync::{Arc, Once};
use std::time::Duration;

use moodify_adapters::redis::{Redis, RedisConfig};
use moodify_core::conformance::samples;
use moodify_core::memory::{SystemClock, SystemRng};
use moodify_core::port::PlaybackArchive;
use moodify_core::service::Context;
use uuid::Uuid;

const VARIABLE: &str = "MOODIFY_TEST_REDIS";
const DEFAULT: &str = "redis://127.0.0.1:6379";

/// Removes what it stands for when it is dropped.
pub(crate) struct Slot {
    server: String,
    pub(crate) config: RedisConfig,
}

impl Slot {
    /// A prefix of its own on the server that is shared. `None`, said aloud, where no server runs: but not in
    /// CI, and not if one was named.
    pub(crate) fn take() -> Option<Self> {
        let named = std::env::var(VARIABLE).ok();
        let must = named.is_some() || std::env::var("CI").is_ok_and(|value| value == "true");
        let server = named.unwrap_or_else(|| DEFAULT.to_owned());
        match connection(&server) {
            Ok(_) => Some(Self::on(&server)),
            Err(error) if must => panic!("no Redis for the tests: {error}; set {VARIABLE}"),
            Err(error) => {
                static ONCE: Once = Once::new();
                // Not `eprintln!`: the test harness would hide it.
                ONCE.call_once(|| {
                    let _ = writeln!(std::io::stderr(), "skipped: set {VARIABLE} ({DEFAULT}: {error})");
                });
                None
            }
        }
    }

    /// A prefix of its own on this server.
    pub(crate) fn on(server: &str) -> Self {
        let mut config = RedisConfig::from_url(&server.to_owned().into()).unwrap();
        config.prefix = format!("test-{}", Uuid::from_bytes(samples::random()));
        Self { server: server.to_owned(), config }
    }

    /// The same with processes that soon count as dead.
    pub(crate) fn with_lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease;
        self
    }

    /// The same with little patience.
    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// A process of its own.
    pub(crate) async fn redis(&self, archive: Option<Arc<dyn PlaybackArchive>>) -> Redis {
        let context = Context::new(Arc::new(SystemClock), Arc::new(SystemRng));
        Redis::connect(self.config.clone(), archive, context).await.unwrap()
    }
}

fn connection(server: &str) -> redis::RedisResult<redis::Connection> {
    redis::Client::open(server)?.get_connection_with_timeout(Duration::from_secs(10))
}

impl Drop for Slot {
    fn drop(&mut self) {
        // It may be the test's own server, and gone or silent.
        let Ok(mut connection) = connection(&self.server) else { return };
        let _ = connection.set_read_timeout(Some(Duration::from_secs(10)));
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{}:*", self.config.prefix)).arg("COUNT").arg(10_000);
            let Ok((next, keys)) = scan.query::<(u64, Vec<String>)>(&mut connection) else { return };
            for key in keys {
                let _ = redis::cmd("DEL").arg(key).query::<()>(&mut connection);
            }
            if next == 0 {
                return;
            }
            cursor = next;
        }
    }
}
