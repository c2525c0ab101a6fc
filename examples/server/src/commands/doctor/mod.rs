//! `moodify doctor`: tries every configured part with a real round trip.

mod checks;
mod report;

use moodify_core::{Services, service::Context};

use crate::{
    assemble,
    cli::Role,
    commands::runtime,
    config::{LogFormat, Settings},
    failure::Failure,
    logging,
};
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
    databases(settings, services, &context, &mut report).await;
    if services.music {
        report.add("media", checks::media(settings, &context).await);
    }
    if services.notification {
        report.add("mailer", checks::mailer(settings, context.clock.clone()).await);
    }
    if services.sync {
        report.add("sync", checks::sync(settings, &context).await);
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
    report.add("listen", checks::listen(settings));
    report.add("public_url", checks::public_url(settings));
    report
}

/// Every database of these services, the keys that sign, and the queue.
async fn databases(settings: &Settings, services: Services, context: &Context, report: &mut Report) {
    let all = match settings.every_database(services) {
        Ok(all) => all,
        Err(failure) => return report.add("database", Err(failure)),
    };
    // The queue may live in one of them.
    let mut open = None;
    for (services, address) in all {
        match checks::open(settings, services).await {
            Ok(database) => {
                report.add("database", checks::database(&*database, &address).await);
                if services.auth {
                    report.add("keys", checks::keys(&*database, context.now()).await);
                }
                match open {
                    None => open = Some(database),
                    Some(_) => database.close().await,
                }
            }
            Err(failure) => report.add("database", Err(failure)),
        }
    }
    let in_a_broker = settings.queue().is_ok_and(|address| address.scheme() != "database");
    if open.is_some() || in_a_broker {
        report.add("queue", checks::queue(settings, open.as_deref(), context).await);
    } else {
        report.add("queue", Ok(Finding::Untried("it needs the database".to_owned())));
    }
    if let Some(database) = open {
        database.close().await;
    }
}
