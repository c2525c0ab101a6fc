//! `moodify doctor`: tries every configured part with a real round trip.

mod checks;
mod keys;
mod mail;
mod pages;
mod report;

use std::{sync::Arc, time::Duration};

use futures::future::{self, BoxFuture, Either, FutureExt, LocalBoxFuture, Shared};
use moodify_core::{Services, model::KeyId, service::Context};
use tokio::runtime::Runtime;

use crate::{
    assemble,
    cli::Role,
    commands::runtime,
    config::{Address, LogFormat, Settings},
    database::Database,
    failure::{Failure, one_line},
    logging,
};
use checks::Found;
use report::{Finding, Report};

/// When whatever has not answered is given up, of all parts together: somebody waits before a terminal.
const PATIENCE: Duration = Duration::from_secs(12);

/// How long taking leave of the parts may take after that.
const PARTING: Duration = Duration::from_secs(2);

/// The moment at which nobody waits any longer.
type End = Shared<BoxFuture<'static, ()>>;

/// Tries everything that these services need, also after a failure, and prints a table.
///
/// # Errors
/// If anything does not work.
pub(crate) fn run(role: Role, mut settings: Settings) -> Result<(), Failure> {
    // What goes wrong is in the table; the log would say it a second time.
    settings.log.format = LogFormat::Human;
    settings.log.filter = "off".to_owned();
    logging::start(&settings.log)?;
    // Both to the end of the process: what was given up on may hang in the system, and drivers panic when their
    // tasks are taken from them.
    let runtime: &'static Runtime = Box::leak(Box::new(runtime()?));
    let settings: &'static Settings = Box::leak(Box::new(settings));
    let report = runtime.block_on(examine(settings, role.services()));
    print!("{report}");
    match report.failures() {
        0 => Ok(()),
        1 => Err(Failure::new("one part does not work", "see the table above")),
        number => Err(Failure::new(format!("{number} parts do not work"), "see the table above")),
    }
}

/// All parts at once, so that those that are silent are silent together.
async fn examine(settings: &'static Settings, services: Services) -> Report {
    let context = assemble::context();
    let clock = || context.clock.clone();
    let end = until(&context, PATIENCE);
    // First: it makes the folder, in which a database may be.
    let data = checks::data(settings);
    // Of all of them apart, those ask that verify; they do it in the same way.
    let apart = services == Services::ALL && settings.is_apart().is_some();
    let asking = if apart { Services::MUSIC } else { services };
    let listen = async {
        let tried = tokio::task::spawn_blocking(move || checks::listen(settings)).await;
        tried.unwrap_or_else(|error| Err(Failure::new(one_line(&error), "report this fault")))
    };
    let (kept, media, cors, mailer, published, uploads, google, listen) = tokio::join!(
        kept(settings, services, &context, &end),
        wanted(services.music, checks::media(settings, &context).boxed_local(), &end),
        cors(settings, services, &context, &end),
        wanted(services.notification, mail::mailer(settings, clock()).boxed_local(), &end),
        in_time(keys::published(settings, asking).boxed_local(), &end),
        wanted(services.music, checks::uploads(settings, clock()).boxed_local(), &end),
        wanted(services.auth, checks::google(settings, &context).boxed_local(), &end),
        in_time(listen.boxed_local(), &end),
    );
    // A bucket that does not work has nothing to say of pages either.
    let works = !matches!(media, Some(Err(_)));
    let cors =
        cors.map(|found| if works { found } else { Ok(Finding::Untried("it needs media".to_owned())) });
    let mut report = Report::default();
    report.add("data", data);
    report.add("clock", checks::clock(context.now()));
    for (part, found) in kept.rows {
        report.add(part, found);
    }
    let rows = [
        ("media", media),
        ("mailer", mailer),
        ("sync", kept.sync),
        ("jwks", Some(keys::of_one_deployment(published, &kept.signing))),
        ("uploads", uploads),
        ("google", google),
        ("listen", Some(listen)),
        ("public_url", Some(pages::public_url(settings))),
        ("cors", cors),
    ];
    for (part, found) in rows {
        if let Some(found) = found {
            report.add(part, found);
        }
    }
    report
}

/// What lives in databases, and what was found of it.
struct Kept {
    /// Databases, keys and queue.
    rows: Vec<(&'static str, Found)>,
    sync: Option<Found>,
    /// The keys that the auth service signs with, as far as they are known.
    signing: Vec<KeyId>,
}

/// Every database of these services, and what may live in one of them.
async fn kept(settings: &Settings, services: Services, context: &Context, end: &End) -> Kept {
    let mut kept = Kept { rows: Vec::new(), sync: None, signing: Vec::new() };
    let all = settings.every_database(services).unwrap_or_else(|failure| {
        kept.rows.push(("database", Err(failure)));
        Vec::new()
    });
    let tried = all.into_iter().map(|(services, address)| async move {
        let opened = in_time(checks::open(settings, services).boxed_local(), end).await;
        (services, address, opened)
    });
    let mut open = Vec::new();
    for (services, address, opened) in future::join_all(tried).await {
        let database = match opened {
            Ok(database) => database,
            Err(failure) => {
                kept.rows.push(("database", Err(failure)));
                continue;
            }
        };
        let written = in_time(checks::database(&*database, &address).boxed_local(), end).await;
        kept.rows.push(("database", written));
        if services.auth {
            let found = in_time(keys::signing(&*database, context.now()).boxed_local(), end).await;
            let found = found.map(|(finding, ids)| {
                kept.signing = ids;
                finding
            });
            kept.rows.push(("keys", found));
        }
        open.push((address, database));
    }
    let (queue, sync) = tokio::join!(
        in_time(queue(settings, &open, context).boxed_local(), end),
        wanted(services.sync, checks::sync(settings, &open, context).boxed_local(), end),
    );
    kept.rows.push(("queue", queue));
    kept.sync = sync;
    let closing = future::join_all(open.iter().map(|(_, database)| database.close()));
    future::select(closing.boxed_local(), until(context, PARTING)).await;
    kept
}

/// The queue, which may live in one of these.
async fn queue(settings: &Settings, open: &[(Address, Arc<dyn Database>)], context: &Context) -> Found {
    let in_a_broker = settings.queue()?.scheme() != "database";
    match open.first() {
        None if !in_a_broker => Ok(Finding::Untried("it needs the database".to_owned())),
        first => checks::queue(settings, first.map(|(_, database)| &**database), context).await,
    }
}

/// What a browser finds that asks the bucket.
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
async fn cors(settings: &Settings, services: Services, context: &Context, end: &End) -> Option<Found> {
    wanted(services.music, pages::cors(settings, context).boxed_local(), end).await
}

#[cfg(not(any(feature = "azure", feature = "gcs", feature = "s3")))]
async fn cors(_: &Settings, _: Services, _: &Context, _: &End) -> Option<Found> {
    None
}

/// What becomes of a check, if these services need it.
async fn wanted(needed: bool, check: LocalBoxFuture<'_, Found>, end: &End) -> Option<Found> {
    if needed { Some(in_time(check, end).await) } else { None }
}

/// What comes of this, or that nothing did.
async fn in_time<T>(check: LocalBoxFuture<'_, Result<T, Failure>>, end: &End) -> Result<T, Failure> {
    match future::select(check, end.clone()).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => Err(Failure::new(
            format!("no answer within {} seconds", PATIENCE.as_secs()),
            "see whether its server runs, and whether something drops what this machine sends there",
        )),
    }
}

fn until(context: &Context, patience: Duration) -> End {
    let clock = context.clock.clone();
    async move { clock.sleep(patience).await }.boxed().shared()
}
