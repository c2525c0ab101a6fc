//! `moodify doctor`: tries every configured part with a real round trip.

mod checks;
mod report;

use std::sync::Arc;

use moodify_core::{Services, service::Context};

use crate::{
    assemble,
    cli::Role,
    commands::runtime,
    config::{Address, LogFormat, Settings},
    database::Database,
    failure::Failure,
    logging,
};
use checks::Found;
use report::{Finding, Report};

/// Tries everything that these services need, also after a failure, and prints a table.
///
/// # Errors
/// If anything does not work.
pub(crate) fn run(role: Role, mut settings: Settings) -> Result<(), Failure> {
    // What goes wrong is in the table; the log would say it a second time.
    settings.log.format = LogFormat::Human;
    settings.log.filter = "off".to_owned();
    logging::start(&settings.log)?;
    let report = runtime()?.block_on(examine(&settings, role.services()));
    print!("{report}");
    match report.failures() {
        0 => Ok(()),
        1 => Err(Failure::new("one part does not work", "see the table above")),
        number => Err(Failure::new(format!("{number} parts do not work"), "see the table above")),
    }
}

async fn examine(settings: &Settings, services: Services) -> Report {
    let context = assemble::context();
    let mut report = Report::default();
    report.add("data", checks::data(settings));
    report.add("clock", checks::clock(context.now()));
    let open = databases(settings, services, &context, &mut report).await;
    report.add("queue", queue(settings, &open, &context).await);
    if services.music {
        report.add("media", checks::media(settings, &context).await);
    }
    if services.notification {
        report.add("mailer", checks::mailer(settings, context.clock.clone()).await);
    }
    if services.sync {
        report.add("sync", checks::sync(settings, &open, &context).await);
    }
    // Of all of them apart, those ask that verify; they do it in the same way.
    let apart = services == Services::ALL && settings.is_apart().is_some();
    let asking = if apart { Services::MUSIC } else { services };
    report.add("jwks", checks::jwks(settings, asking).await);
    if services.music {
        report.add("uploads", checks::uploads(settings, context.clock.clone()).await);
    }
    if services.auth {
        report.add("google", checks::google(settings, &context).await);
    }
    for (_, database) in open {
        database.close().await;
    }
    report.add("listen", checks::listen(settings));
    report.add("public_url", checks::public_url(settings));
    report
}

/// Every database of these services, and the keys that sign. Returns those that work.
async fn databases(
    settings: &Settings,
    services: Services,
    context: &Context,
    report: &mut Report,
) -> Vec<(Address, Arc<dyn Database>)> {
    let mut open = Vec::new();
    let all = settings.every_database(services).unwrap_or_else(|failure| {
        report.add("database", Err(failure));
        Vec::new()
    });
    for (services, address) in all {
        match checks::open(settings, services).await {
            Ok(database) => {
                report.add("database", checks::database(&*database, &address).await);
                if services.auth {
                    report.add("keys", checks::keys(&*database, context.now()).await);
                }
                open.push((address, database));
            }
            Err(failure) => report.add("database", Err(failure)),
        }
    }
    open
}

/// The queue, which may live in one of these.
async fn queue(settings: &Settings, open: &[(Address, Arc<dyn Database>)], context: &Context) -> Found {
    let in_a_broker = settings.queue()?.scheme() != "database";
    match open.first() {
        None if !in_a_broker => Ok(Finding::Untried("it needs the database".to_owned())),
        first => checks::queue(settings, first.map(|(_, database)| &**database), context).await,
    }
}
