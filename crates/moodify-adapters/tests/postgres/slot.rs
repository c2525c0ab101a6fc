//! A migrated, empty schema for each case, out of a few that stay.
//!
//! Making a schema and migrating it takes longer than most cases. These are kept, `moodify_tests_0` and so
//! on, as many as ever ran side by side; whoever takes one empties it first, so that a run that was killed
//! leaves nothing to the next one.

use std::sync::{Arc, Mutex};

use moodify_adapters::sql::{PostgresConfig, SqlStore};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, Row};

#[path = "server.rs"]
mod server;

use server::{server, url_of};

/// Taken until it is dropped.
pub(crate) struct Slot {
    /// Its session holds the lock: it ends with this process, however that ends.
    _lock: Mutex<PgConnection>,
}

impl Slot {
    /// A free one, and the stores in it; `None` as for [`server`].
    pub(crate) async fn take() -> Option<(Arc<SqlStore>, Self)> {
        let (server, mut connection) = server().await?;
        let name = lock_one(&mut connection).await;
        let own = format!(
            "CREATE SCHEMA IF NOT EXISTS {name};
                           SET search_path = {name}; SET synchronous_commit = off"
        );
        connection.execute("SET client_min_messages = error").await.unwrap();
        connection.execute(AssertSqlSafe(own)).await.unwrap();
        end_those_before(&mut connection, &name).await;
        let url = format!("{}&application_name={name}", url_of(&server, &name));
        let store = migrated(&mut connection, &name, url).await;
        connection.execute(EMPTY).await.unwrap();
        Some((Arc::new(store), Self { _lock: Mutex::new(connection) }))
    }
}

/// The first name that nobody uses, in this process or another.
async fn lock_one(connection: &mut PgConnection) -> String {
    for number in 0.. {
        let name = format!("moodify_tests_{number}");
        let lock = sqlx::query("SELECT pg_try_advisory_lock(hashtextextended($1, 0))").bind(&name);
        if lock.fetch_one(&mut *connection).await.unwrap().get(0) {
            return name;
        }
    }
    unreachable!("there are more numbers than connections")
}

/// What the case before left running on the server must not write into this one.
async fn end_those_before(connection: &mut PgConnection, name: &str) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
    while !sqlx::query(end).bind(name).fetch_all(&mut *connection).await.unwrap().is_empty() {}
}

/// Another version of the program may have made the schema.
async fn migrated(connection: &mut PgConnection, name: &str, url: String) -> SqlStore {
    let config = PostgresConfig::new(url).into();
    if let Ok(store) = SqlStore::connect(&config).await {
        return store;
    }
    let anew = format!("DROP SCHEMA {name} CASCADE; CREATE SCHEMA {name}");
    connection.execute(AssertSqlSafe(anew)).await.unwrap();
    SqlStore::connect(&config).await.unwrap()
}

/// Row by row: `TRUNCATE` makes every file anew, which takes far longer than the few rows of a case. A table
/// that others refer to waits until they are empty.
const EMPTY: &str = "
    DO $$
    DECLARE
        name TEXT;
        filled BOOLEAN;
        again BOOLEAN := TRUE;
    BEGIN
        WHILE again LOOP
            again := FALSE;
            FOR name IN SELECT tablename FROM pg_tables
                        WHERE schemaname = current_schema() AND tablename <> '_sqlx_migrations'
            LOOP
                EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO filled;
                CONTINUE WHEN NOT filled;
                BEGIN
                    EXECUTE format('DELETE FROM %I', name);
                EXCEPTION WHEN foreign_key_violation THEN
                    again := TRUE;
                END;
            END LOOP;
        END LOOP;
    END $$";
