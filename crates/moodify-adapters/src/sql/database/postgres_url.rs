//! What an operator may write in a PostgreSQL URL.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::sql::error::SqlConnectError;

/// Those that the driver knows. It would only warn of another one, and repeat its value in the log.
const PARAMETERS: [&str; 12] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// What the URL says. Nothing of it comes into the error: any part may be a piece of a password.
pub(super) fn parse(text: &str) -> Result<PgConnectOptions, SqlConnectError> {
    let refuse = |problem| Err(SqlConnectError::Url { problem });
    let Ok(url) = Url::parse(text) else {
        return refuse("is none (a password needs its special characters percent-encoded)");
    };
    if !matches!(url.scheme(), "postgres" | "postgresql") || url.cannot_be_a_base() {
        return refuse("does not begin with postgres://");
    }
    if url.fragment().is_some() {
        return refuse("holds a `#` that is not percent-encoded");
    }
    if url.query_pairs().any(|(name, _)| !PARAMETERS.contains(&&*name)) {
        return refuse(
            "has a parameter that is not known (sslmode, sslrootcert, application_name and others are)",
        );
    }
    PgConnectOptions::from_str(text).or_else(|_| {
        refuse(
            "has a part that cannot be read (sslmode is disable, allow, prefer, require, verify-ca or verify-full)",
        )
    })
}
