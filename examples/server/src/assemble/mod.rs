//! Which parts are put together, and from which setting: one function a setting, one line a scheme.

mod failures;
mod identity;
mod media;
mod playback;

use std::sync::Arc;

use moodify_adapters::{
    mail_files::FileMailer,
    probe::{ProbeConfig, ProcessProbe, Program},
    prometheus::PrometheusMeter,
    sql::{SqlConfig, SqlStore, SqliteConfig},
};
use moodify_core::{
    Config, Moodify, Services,
    memory::{SystemClock, SystemRng},
    port::{Clock, IdentityProvider, Mailer, MediaProbe, PublishedKeys, Queue},
    service::Context,
};

#[cfg(feature = "gmail")]
use moodify_adapters::gmail::{GmailConfig, GmailMailer};
#[cfg(feature = "mongodb")]
use moodify_adapters::mongodb::{MongoConfig, MongoStore};
#[cfg(feature = "rabbitmq")]
use moodify_adapters::rabbitmq::{RabbitConfig, RabbitQueue};
#[cfg(feature = "smtp")]
use moodify_adapters::smtp::{SmtpConfig, SmtpMailer};

use crate::{
    config::Settings,
    database::Database,
    failure::{Failure, one_line},
    media::Media,
    no_uploads::NoUploads,
    sync::SyncPart,
};

pub(crate) use failures::with_advice;
pub(crate) use identity::{identity_provider, jwks};
pub(crate) use media::{media, media_failure};
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
pub(crate) use media::{signing_failure, signs};
pub(crate) use playback::sync;

#[cfg(feature = "smtp")]
use failures::no_mail_server;
#[cfg(not(all(feature = "gmail", feature = "mongodb", feature = "postgres", feature = "rabbitmq")))]
use failures::not_built;
use failures::{not_writable, unknown};
use playback::check_sync;

/// What stands behind the ports of these services. What none of them needs is not opened.
pub(crate) struct Parts {
    /// Stores, outbox, keys and send log.
    pub(crate) database: Arc<dyn Database>,
    /// How events travel.
    pub(crate) queue: Arc<dyn Queue>,
    /// Audio and covers, for music.
    pub(crate) media: Option<Arc<dyn Media>>,
    /// How mails leave, for notification.
    pub(crate) mailer: Option<Arc<dyn Mailer>>,
    /// Who signs people in elsewhere, for auth, if somebody does.
    pub(crate) identity_provider: Option<Arc<dyn IdentityProvider>>,
    /// How devices hear of each other, for sync.
    pub(crate) sync: Option<Arc<SyncPart>>,
    /// Looks at uploads, for music.
    pub(crate) probe: Option<Arc<ProcessProbe>>,
    /// The keys of access tokens, where they are not in the database.
    pub(crate) jwks: Option<Arc<dyn PublishedKeys>>,
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

/// Opens what these services need, as the settings name it.
///
/// # Errors
/// Says which part does not work, why, and what to do.
pub(crate) async fn parts(
    settings: &Settings,
    services: Services,
    upgrade: Upgrade,
) -> Result<Parts, Failure> {
    let meter = meter()?;
    let context = Context { meter: meter.clone(), ..context() };
    let clock = &context.clock;
    // What costs nothing to find missing comes first.
    if services.sync {
        check_sync(&settings.sync()?)?;
    }
    let jwks = jwks(settings, services)?;
    let identity_provider = if services.auth { identity_provider(settings, &context)? } else { None };
    let mailer = services.notification.then(|| mailer(settings, clock.clone())).transpose()?;
    let probe = services.music.then(|| probe(settings, clock.clone())).transpose()?;
    let media = if services.music { Some(media(settings, clock.clone()).await?) } else { None };
    queue_between(settings)?;
    let database = database(settings, services, upgrade).await?;
    let shared = async {
        let sync = if services.sync {
            Some(sync(settings, Some(&database), &context, upgrade).await?)
        } else {
            None
        };
        let queue = queue(settings, Some(&*database), clock.clone()).await;
        if let (Err(_), Some(sync)) = (&queue, &sync) {
            sync.close().await;
        }
        Ok::<_, Failure>((sync, queue?))
    };
    let (sync, queue) = match Box::pin(shared).await {
        Ok(shared) => shared,
        Err(failure) => {
            // MongoDB's driver panics if it is left open to the end of the process.
            database.close().await;
            return Err(failure);
        }
    };
    Ok(Parts {
        queue,
        media,
        mailer,
        identity_provider,
        sync: sync.map(Arc::new),
        probe,
        jwks,
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
    let mut services = parts.database.clone().give_to(Moodify::builder(config));
    if let Some(sync) = &parts.sync {
        services = sync.give_to(services);
    }
    if let Some(media) = &parts.media {
        services = media.clone().give_to(services);
    }
    if let Some(mailer) = &parts.mailer {
        services = services.mailer(mailer.clone());
    }
    if let Some(provider) = &parts.identity_provider {
        services = services.identity_provider(provider.clone());
    }
    if let Some(keys) = &parts.jwks {
        services = services.published_keys(keys.clone());
    }
    let probe: Arc<dyn MediaProbe> = match &parts.probe {
        Some(probe) => probe.clone(),
        None => Arc::new(NoUploads),
    };
    let built = services
        .queue(parts.queue.clone())
        .clock(parts.context.clock.clone())
        .rng(parts.context.rng.clone())
        .meter(parts.context.meter.clone())
        .tracer(parts.context.tracer.clone())
        .build(probe);
    built.map_err(|error| Failure::new(one_line(&error), "correct the setting that is named"))
}

/// The accounts in this database, to look somebody up.
///
/// # Errors
/// If the settings contradict themselves.
pub(crate) fn accounts(database: Arc<dyn Database>, config: Config) -> Result<Moodify, Failure> {
    let built = database.give_to(Moodify::builder(config)).build(Arc::new(NoUploads));
    built.map_err(|error| Failure::new(one_line(&error), "correct the setting that is named"))
}

/// What becomes of a database that an older version made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// It is brought up to date.
    Yes,
    /// It is refused: a server of that version may be using it.
    No,
}

/// `database`, or that of a service in `databases`
pub(crate) async fn database(
    settings: &Settings,
    services: Services,
    upgrade: Upgrade,
) -> Result<Arc<dyn Database>, Failure> {
    let address = &settings.database(services)?;
    match address.scheme() {
        "sqlite" => sql(SqliteConfig::new(address.path()).into(), upgrade).await,
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => sql(settings.postgres.config(address).into(), upgrade).await,
        #[cfg(not(feature = "postgres"))]
        "postgres" | "postgresql" => {
            Err(not_built("database", address, "postgres", "sqlite://data/moodify.db"))
        }
        #[cfg(feature = "mongodb")]
        "mongodb" | "mongodb+srv" => mongo(&settings.mongodb.config(address), upgrade).await,
        #[cfg(not(feature = "mongodb"))]
        "mongodb" | "mongodb+srv" => {
            Err(not_built("database", address, "mongodb", "sqlite://data/moodify.db"))
        }
        _ => Err(unknown("database", address, "sqlite://data/moodify.db")),
    }
}

async fn sql(config: SqlConfig, upgrade: Upgrade) -> Result<Arc<dyn Database>, Failure> {
    let opened = match upgrade {
        Upgrade::Yes => SqlStore::connect(&config).await,
        Upgrade::No => SqlStore::connect_beside(&config).await,
    };
    Ok(Arc::new(opened.map_err(|error| with_advice(&error, "look at the database with its own tools"))?))
}

#[cfg(feature = "mongodb")]
async fn mongo(config: &MongoConfig, upgrade: Upgrade) -> Result<Arc<dyn Database>, Failure> {
    let opened = match upgrade {
        Upgrade::Yes => MongoStore::connect(config).await,
        Upgrade::No => MongoStore::connect_beside(config).await,
    };
    Ok(Arc::new(opened.map_err(|error| with_advice(&error, "look at the database with its own tools"))?))
}

/// Whether the queue gets from one service to the others.
///
/// # Errors
/// If it lives in a database that not all of them have.
pub(crate) fn queue_between(settings: &Settings) -> Result<(), Failure> {
    match (settings.is_apart(), settings.queue()?.scheme()) {
        (Some(service), "database") => Err(Failure::new(
            format!(
                "queue is database:, and databases.{service} is set: no event gets from one database to another"
            ),
            "set queue to a broker, such as amqp://user:password@host/vhost (MOODIFY_QUEUE)",
        )),
        _ => Ok(()),
    }
}

/// `queue`; it may live in this database, if there is one.
pub(crate) async fn queue(
    settings: &Settings,
    database: Option<&dyn Database>,
    #[cfg_attr(not(feature = "rabbitmq"), expect(unused_variables))] clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Queue>, Failure> {
    let address = &settings.queue()?;
    match address.scheme() {
        "database" => match database {
            Some(database) => Ok(database.queue()),
            None => Err(Failure::new("queue is database:, and none is open", "report this fault")),
        },
        #[cfg(feature = "rabbitmq")]
        "amqp" | "amqps" => {
            let broker = RabbitConfig::from_url(&address.secret())
                .map_err(|error| Failure::new(format!("queue is {address}: {error}"), "correct the URL"))?;
            match RabbitQueue::connect(settings.rabbitmq.config(broker)?, clock).await {
                Ok(queue) => Ok(Arc::new(queue)),
                Err(error) => Err(with_advice(&error, "look at the broker's log")),
            }
        }
        #[cfg(not(feature = "rabbitmq"))]
        "amqp" | "amqps" => Err(not_built("queue", address, "rabbitmq", "database:")),
        _ => Err(unknown("queue", address, "database:")),
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
