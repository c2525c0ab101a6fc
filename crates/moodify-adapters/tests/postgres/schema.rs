//! A schema for one test.

use moodify_adapters::sql::{PostgresConfig, SqlStore};
use moodify_core::conformance::samples;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

#[path = "server.rs"]
mod server;

use server::{server, url_of};

/// Dropped with everything in it when the test ends.
pub(crate) struct Schema {
    server: String,
    name: String,
}

/// What only some of the test programs need that this file is a part of.
#[allow(dead_code, reason = "this file is a part of several test programs")]
impl Schema {
    /// A new one; `None` as for [`server`].
    pub(crate) async fn create() -> Option<Self> {
        let (server, mut connection) = server().await?;
        let name = format!("moodify_{}", samples::word());
        connection.execute(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).await.unwrap();
        Some(Self { server, name })
    }

    /// The address of this schema.
    pub(crate) fn url(&self) -> String {
        url_of(&self.server, &self.name)
    }

    /// The stores in it.
    pub(crate) async fn store(&self) -> SqlStore {
        SqlStore::connect(&PostgresConfig::new(self.url()).into()).await.unwrap()
    }

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
