//! The server that tests use.

use std::io::Write;
use std::sync::Once;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

const VARIABLE: &str = "MOODIFY_TEST_POSTGRES";
const DEFAULT: &str = "postgres://postgres@127.0.0.1:5432/test";

/// The address of the server, and a connection to it. `None`, said aloud, where no server runs: but not
/// in CI, and not if one was named.
pub(crate) async fn server() -> Option<(String, PgConnection)> {
    let named = std::env::var(VARIABLE).ok();
    let must = named.is_some() || std::env::var("CI").is_ok_and(|value| value == "true");
    let server = named.unwrap_or_else(|| DEFAULT.to_owned());
    match PgConnection::connect(&server).await {
        Ok(connection) => Some((server, connection)),
        Err(error) if must => panic!("no PostgreSQL for the tests: {error}; set {VARIABLE}"),
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

/// The address of a schema. It does not wait for the disk: no test pulls the plug.
pub(crate) fn url_of(server: &str, schema: &str) -> String {
    let mark = if server.contains('?') { '&' } else { '?' };
    format!("{server}{mark}options=-csearch_path%3D{schema}%20-csynchronous_commit%3Doff")
}
