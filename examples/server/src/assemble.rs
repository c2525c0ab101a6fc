//! Which parts are put together, and from which setting: one function a setting, one line a scheme.

use std::sync::Arc;

use moodify_adapters::{
    files::FileMediaStore,
    mail_files::FileMailer,
    probe::{ProbeConfig, ProcessProbe, Program},
    prometheus::PrometheusMeter,
    sql::{SqlConfig, SqlConnectError, SqlStore, SqliteConfig},
};
use moodify_core::{
    Config, Moodify,
    memory::{SystemClock, SystemRng},
    port::{Clock, Mailer, Queue, Unavailable},
    service::Context,
};

#[cfg(feature = "gmail")]
use moodify_adapters::gmail::{GmailConfig, GmailMailer};
#[cfg(feature = "smtp")]
use moodify_adapters::smtp::{SmtpConfig, SmtpMailer};

use crate::{
    config::{Address, Settings},
    database::Database,
    failure::{Failure, one_line},
};

/// Everything that stands behind a port.
pub(crate) struct Parts {
    /// Stores, outbox, keys and send log.
    pub(crate) database: Arc<dyn Database>,
    /// How events travel.
    pub(crate) queue: Arc<dyn Queue>,
    /// Audio and covers.
    pub(crate) media: Arc<FileMediaStore>,
    /// How mails leave.
    pub(crate) mailer: Arc<dyn Mailer>,
    /// Looks at uploads.
    pub(crate) probe: Arc<ProcessProbe>,
    /// Counts what happens.
    pub(crate) meter: Arc<PrometheusMeter>,
    /// Time and chance, and who watches.
    pub(crate) context: Context,
}

/// Time and chance as the machine has them.
pub(crate) fn context() -> Context {
    Context::new(Arc::new(SystemClock), Arc::new(SystemRng))
}

fn meter() -> Result<Arc<PrometheusMeter>, Failure> {
    let meter = PrometheusMeter::new().map(Arc::new);
    meter.map_err(|error| {
        Failure::new(format!("metrics cannot be kept: {}", one_line(&error)), "report this fault")
    })
}

/// Opens everything that the settings name.
///
/// # Errors
/// Says which part does not work, why, and what to do.
pub(crate) async fn parts(settings: &Settings) -> Result<Parts, Failure> {
    let meter = meter()?;
    let context = Context { meter: meter.clone(), ..context() };
    sync(&settings.sync()?)?;
    let database = database(settings).await?;
    Ok(Parts {
        queue: queue(&settings.queue()?, &*database)?,
        media: media(&settings.media()?)?,
        mailer: mailer(settings, context.clock.clone())?,
        probe: probe(settings, context.clock.clone())?,
        database,
        meter,
        context,
    })
}

/// The services over these parts.
///
/// # Errors
/// If the settings contradict themselves.
pub(crate) fn moodify(parts: &Parts, config: Config) -> Result<Moodify, Failure> {
    let services = parts.database.clone().give_to(Moodify::builder(config));
    let built = services
        .queue(parts.queue.clone())
        .media(parts.media.clone())
        .mailer(parts.mailer.clone())
        .clock(parts.context.clock.clone())
        .rng(parts.context.rng.clone())
        .meter(parts.context.meter.clone())
        .tracer(parts.context.tracer.clone())
        .build(parts.probe.clone());
    built.map_err(|error| Failure::new(one_line(&error), "correct the setting that is named"))
}

/// `database`
pub(crate) async fn database(settings: &Settings) -> Result<Arc<dyn Database>, Failure> {
    let address = &settings.database()?;
    match address.scheme() {
        "sqlite" => sql(SqliteConfig::new(address.path()).into()).await,
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => sql(settings.postgres.config(address).into()).await,
        #[cfg(not(feature = "postgres"))]
        "postgres" | "postgresql" => {
            Err(not_built("database", address, "postgres", "sqlite://data/moodify.db"))
        }
        "mongodb" | "mongodb+srv" => {
            Err(not_built("database", address, "mongodb", "sqlite://data/moodify.db"))
        }
        _ => Err(unknown("database", address, "sqlite://data/moodify.db")),
    }
}

async fn sql(config: SqlConfig) -> Result<Arc<dyn Database>, Failure> {
    Ok(Arc::new(SqlStore::connect(&config).await.map_err(|error| not_opened(&error))?))
}

/// `queue`
pub(crate) fn queue(address: &Address, database: &dyn Database) -> Result<Arc<dyn Queue>, Failure> {
    match address.scheme() {
        "database" => Ok(database.queue()),
        "amqp" | "amqps" => Err(not_built("queue", address, "rabbitmq", "database:")),
        _ => Err(unknown("queue", address, "database:")),
    }
}

/// `media`
pub(crate) fn media(address: &Address) -> Result<Arc<FileMediaStore>, Failure> {
    match address.scheme() {
        "file" => {
            let opened = FileMediaStore::open(address.path());
            opened.map(Arc::new).map_err(|error| not_writable("media", address, &error))
        }
        "s3" => Err(not_built("media", address, "s3", "file://data/media")),
        "gs" | "az" => Err(not_built("media", address, "object-store", "file://data/media")),
        _ => Err(unknown("media", address, "file://data/media")),
    }
}

/// `mailer`
pub(crate) fn mailer(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Arc<dyn Mailer>, Failure> {
    let address = &settings.mailer()?;
    match address.scheme() {
        "file" => match FileMailer::open(address.path(), clock) {
            Ok(mailer) => Ok(Arc::new(mailer)),
            Err(error) => Err(not_writable("mailer", address, &error)),
        },
        #[cfg(feature = "smtp")]
        "smtp" | "smtps" => {
            let server = SmtpConfig::from_url(&address.secret())
                .map_err(|error| Failure::new(format!("mailer is {address}: {error}"), "correct the URL"))?;
            match SmtpMailer::new(settings.smtp.config(server)?, clock) {
                Ok(mailer) => Ok(Arc::new(mailer)),
                Err(error) => Err(no_mail_server(address, &error)),
            }
        }
        #[cfg(not(feature = "smtp"))]
        "smtp" | "smtps" => Err(not_built("mailer", address, "smtp", "file://data/mail")),
        #[cfg(feature = "gmail")]
        "gmail" => {
            let config = settings.gmail.config(address.mailbox()?)?;
            let config = GmailConfig { server: settings.smtp.config(config.server)?, ..config };
            match GmailMailer::new(config, clock) {
                Ok(mailer) => Ok(Arc::new(mailer)),
                Err(error) => Err(no_mail_server(address, &error)),
            }
        }
        #[cfg(not(feature = "gmail"))]
        "gmail" => Err(not_built("mailer", address, "gmail", "file://data/mail")),
        _ => Err(unknown("mailer", address, "file://data/mail")),
    }
}

/// `sync`: what `local:` needs is in the core; it writes to the database.
pub(crate) fn sync(address: &Address) -> Result<(), Failure> {
    match address.scheme() {
        "local" => Ok(()),
        "redis" | "rediss" => Err(not_built("sync", address, "redis", "local:")),
        "mongodb" | "mongodb+srv" => Err(not_built("sync", address, "mongodb", "local:")),
        _ => Err(unknown("sync", address, "local:")),
    }
}

/// Uploads are looked at in children of this very program.
pub(crate) fn probe(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Arc<ProcessProbe>, Failure> {
    let staging = settings.data.join("staging");
    let opened =
        Program::this().and_then(|program| ProcessProbe::open(ProbeConfig::new(&staging), program, clock));
    opened.map(Arc::new).map_err(|error| {
        Failure::new(
            format!("uploads cannot be staged in {}: {}", staging.display(), one_line(&error)),
            "make it a place that this user may write to, or name another one with --data",
        )
    })
}

fn not_built(setting: &str, address: &Address, feature: &str, instead: &str) -> Failure {
    Failure::new(
        format!(
            "{setting} is {address}, which needs the feature `{feature}`; this program is built without it"
        ),
        format!("build it with that feature, or set {setting} to {instead}"),
    )
}

fn unknown(setting: &str, address: &Address, instead: &str) -> Failure {
    Failure::new(
        format!("{setting} is {address}, and there is no adapter for `{}:`", address.scheme()),
        format!("set {setting} to a URL such as {instead}"),
    )
}

fn not_writable(setting: &str, address: &Address, error: &Unavailable) -> Failure {
    Failure::new(
        format!("{setting} at {address} cannot be used: {}", one_line(error)),
        format!("make it a place that this user may write to, or name another one with --{setting}"),
    )
}

#[cfg(feature = "smtp")]
fn no_mail_server(address: &Address, error: &Unavailable) -> Failure {
    Failure::new(
        format!("mailer at {address} cannot be used: {}", one_line(error)),
        "correct smtp.ca_file, or leave it to the system's authorities",
    )
}

/// The adapter's error already ends in what to do, after its last semicolon.
fn not_opened(error: &SqlConnectError) -> Failure {
    let text = one_line(error);
    match text.rsplit_once("; ") {
        Some((what, fix)) => Failure::new(what, fix),
        None => Failure::new(text, "look at the database with its own tools"),
    }
}
