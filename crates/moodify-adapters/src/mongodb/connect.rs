//! Opening a database.

use std::time::Duration;

use mongodb::Client;
use mongodb::options::{ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};
use secrecy::ExposeSecret;
use url::Url;

use super::config::MongoConfig;
use super::database::Database;
use super::error::{Fault, MongoConnectError};
use super::schema;

/// The database of a URL that names none.
const DEFAULT_NAME: &str = "moodify";

/// Whether a database of an older version is brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    Yes,
    No,
}

pub(super) async fn open(config: &MongoConfig, upgrade: Upgrade) -> Result<Database, MongoConnectError> {
    check(config.url.expose_secret())?;
    open_with(options(config).await?, config, upgrade).await
}

/// The same with options of the driver that were looked at already.
pub(super) async fn open_with(
    options: ClientOptions,
    config: &MongoConfig,
    upgrade: Upgrade,
) -> Result<Database, MongoConnectError> {
    let name = options.default_database.clone().unwrap_or_else(|| DEFAULT_NAME.to_owned());
    let shown = shown(&options, &name);
    let failed = |fault: Fault| MongoConnectError::reaching(&shown, fault);
    let client = Client::with_options(options).map_err(|error| failed(error.into()))?;
    let database = Database::new(client, &name, config.connect_timeout + config.operation_timeout);
    let opened = bring_up_to_date(&database, &shown, upgrade).await;
    if opened.is_err() {
        database.close().await;
    }
    opened.map(|()| database)
}

/// The database of another program, as it is: only ever read.
pub(super) async fn open_foreign(
    config: &MongoConfig,
    default_name: &str,
) -> Result<Database, MongoConnectError> {
    check(config.url.expose_secret())?;
    let mut options = options(config).await?;
    // A server without a replica set will do, and a secondary while there is no primary.
    (options.read_concern, options.write_concern) = (None, None);
    options.selection_criteria =
        Some(SelectionCriteria::ReadPreference(ReadPreference::PrimaryPreferred { options: None }));
    let name = options.default_database.clone().unwrap_or_else(|| default_name.to_owned());
    let shown = shown(&options, &name);
    let failed = |fault: Fault| MongoConnectError::reaching(&shown, fault);
    let client = Client::with_options(options).map_err(|error| failed(error.into()))?;
    let database = Database::new(client, &name, config.connect_timeout + config.operation_timeout);
    let found = match schema::found(&database).await {
        // Something else of that name.
        Err(Fault::Stored(_)) => Ok(None),
        found => found.map_err(failed),
    };
    let refused = match found {
        Ok(None) => return Ok(database),
        Ok(Some(_)) => MongoConnectError::NotForeign { database: shown },
        Err(error) => error,
    };
    database.close().await;
    Err(refused)
}

async fn bring_up_to_date(
    database: &Database,
    shown: &str,
    upgrade: Upgrade,
) -> Result<(), MongoConnectError> {
    let failed = |fault: Fault| MongoConnectError::reaching(shown, fault);
    if !schema::has_transactions(database).await.map_err(failed)? {
        return Err(MongoConnectError::NoTransactions { database: shown.to_owned() });
    }
    let known = schema::VERSION;
    let found = schema::found(database).await.map_err(failed)?;
    let database_name = || shown.to_owned();
    match found {
        Some(found) if found > known => {
            Err(MongoConnectError::TooNew { database: database_name(), found, known })
        }
        Some(found) if found < known && upgrade == Upgrade::No => {
            Err(MongoConnectError::TooOld { database: database_name(), found, known })
        }
        // Also of the same version: what a user may not do who only reads and writes, is done by now.
        Some(found) if found == known => Ok(()),
        _ => schema::upgrade(database).await.map_err(failed),
    }
}

/// What the driver would report in words that repeat parts of the URL: any of them may be a piece of a
/// password.
fn check(text: &str) -> Result<(), MongoConnectError> {
    let refuse = |problem| Err(MongoConnectError::Url { problem });
    if !text.starts_with("mongodb://") && !text.starts_with("mongodb+srv://") {
        return refuse("does not begin with mongodb:// or mongodb+srv://");
    }
    if text.contains('#') {
        return refuse("holds a `#` that is not percent-encoded");
    }
    // Several hosts are one too many for a URL as others have them.
    let (_, rest) = text.split_once("://").unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (user, hosts) = rest[..end].rsplit_once('@').unwrap_or(("", &rest[..end]));
    if user.contains('@') {
        return refuse("holds an `@` too many (a password needs its special characters percent-encoded)");
    }
    let host = |host: &str| Url::parse(&format!("mongodb://{host}")).is_ok_and(|url| url.has_host());
    if !hosts.split(',').all(host) {
        return refuse("names a host that is none (a password needs its special characters percent-encoded)");
    }
    Ok(())
}

/// Less than what stands between takes for dead without a word: AWS's load balancers wait 350 s, SecantusDB 300 s.
const MOST_IDLE: Duration = Duration::from_secs(240);

pub(super) async fn options(config: &MongoConfig) -> Result<ClientOptions, MongoConnectError> {
    let parsed = ClientOptions::parse(config.url.expose_secret()).await;
    let mut options = parsed.map_err(|error| match *error.kind {
        mongodb::error::ErrorKind::DnsResolve { .. } => MongoConnectError::Unreachable {
            database: "behind mongodb+srv://".to_owned(),
            source: "its name cannot be looked up in the DNS".into(),
        },
        _ => MongoConnectError::Url { problem: "has a part or a parameter that cannot be read" },
    })?;
    options.app_name.get_or_insert_with(|| "moodify".to_owned());
    // Two change streams beside: for hints of the queue, and of playback.
    options.max_pool_size = Some(config.max_connections + 2);
    options.max_idle_time.get_or_insert(MOST_IDLE);
    options.connect_timeout = Some(config.connect_timeout);
    options.server_selection_timeout = Some(config.connect_timeout);
    // What was answered is on a majority of the servers, and what is read was not taken back: whoever reads
    // after a write has returned sees it, whatever server is the primary by then.
    options.write_concern = Some(WriteConcern::majority());
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.retry_writes = Some(true);
    options.retry_reads = Some(true);
    Ok(options)
}

/// The database as it may be shown: without user, password and parameters.
fn shown(options: &ClientOptions, name: &str) -> String {
    let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
    format!("mongodb://{}/{name}", hosts.join(","))
}
