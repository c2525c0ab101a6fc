//! A schema for one test, on a real server.

use std::io::Write;
use std::sync::Once;

use moodify_adapters::sql::{PostgresConfig, SqlStore};
use moodify_core::conformance::samples;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

const VARIABLE: &str = "MOODIFY_TEST_POSTGRES";
const DEFAULT: &str = "postgres://postgres@127.0.0.1:5432/test";

/// Dropped with everything in it when the test ends.
pub(crate) struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// `None`, said aloud, where no server runs: but not in CI, and not if one was named.
    pub(crate) async fn create() -> Option<Self> {
        let named = std::env::var(VARIABLE).ok();
        let must = named.is_some() || std::env::var("CI").is_ok_and(|value| value == "true");
        let server = named.unwrap_or_else(|| DEFAULT.to_owned());
        let mut connection = match PgConnection::connect(&server).await {
            Ok(connection) => connection,
            Err(error) if must => panic!("no PostgreSQL for the tests: {error}; set {VARIABLE}"),
            Err(error) => {
                static ONCE: Once = Once::new();
                // Not `eprintln!`: the test harness would hide it.
                ONCE.call_once(|| {
                    let _ = writeln!(std::io::stderr(), "skipped: set {VARIABLE} ({DEFAULT}: {error})");
                });
                return None;
            }
        };
        let name = format!("moodify_{}", samples::word());
        connection.execute(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).await.unwrap();
        Some(Self { server, name })
    }

    /// The address of this schema. It does not wait for the disk: no test pulls the plug.
    pub(crate) fn url(&self) -> String {
        let mark = if self.server.contains('?') { '&' } else { '?' };
        let options = format!("-csearch_path%3D{}%20-csynchronous_commit%3Doff", self.name);
        format!("{}{mark}options={options}", self.server)
    }

    /// The stores in it.
    pub(crate) async fn store(&self) -> SqlStore {
        SqlStore::connect(&PostgresConfig::new(self.url()).into()).await.unwrap()
    }
}

/// What only some of the tests need.
#[allow(dead_code, reason = "this file is a part of several test programs")]
impl Schema {
    /// A connection of somebody else's.
    pub(crate) async fn raw(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the server takes encrypted connections.
    pub(crate) async fn encrypts(&self) -> bool {
        self.raw().await.fetch_one("SHOW ssl").await.unwrap().get::<String, _>(0) == "on"
    }

    /// A user that may do nothing yet.
    pub(crate) async fn role(&self, attributes: &str) -> Role<'_> {
        let create = format!("CREATE ROLE {} {attributes}", self.name);
        self.raw().await.execute(AssertSqlSafe(create)).await.unwrap();
        Role(self)
    }
}

/// A user with the name of the schema, gone with it.
pub(crate) struct Role<'a>(&'a Schema);

#[allow(dead_code, reason = "this file is a part of several test programs")]
impl Role<'_> {
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Grants what ends in `SCHEMA`.
    pub(crate) async fn may(&self, what: &str) {
        let grant = format!("GRANT {what} {0} TO {0}", self.0.name);
        self.0.raw().await.execute(AssertSqlSafe(grant)).await.unwrap();
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // On a thread of its own: a runtime cannot be waited for inside of another one.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await.unwrap();
                let drop = format!("DROP SCHEMA {name} CASCADE; DROP ROLE IF EXISTS {name}");
                // What the test left running must not hold us up.
                connection
                    .execute("SET lock_timeout = '10s'; SET client_min_messages = error")
                    .await
                    .unwrap();
                connection.execute(AssertSqlSafe(drop)).await.unwrap();
            });
        });
        let _ = dropping.join();
    }
}
