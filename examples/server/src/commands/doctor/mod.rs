//! `moodify doctor`: tries every configured part with a real round trip.

mod checks;
mod report;

use crate::{
    assemble,
    commands::runtime,
    config::{LogFormat, Settings},
    failure::Failure,
    logging,
};
use report::{Finding, Report};

/// Tries everything, also after a failure, and prints a table.
///
/// # Errors
/// If anything does not work.
pub(crate) fn run(mut settings: Settings) -> Result<(), Failure> {
    // What goes wrong is in the table; the log would say it a second time.
    settings.log.format = LogFormat::Human;
    settings.log.filter = "off".to_owned();
    logging::start(&settings.log)?;
    let report = runtime()?.block_on(examine(&settings));
    print!("{report}");
    match report.failures() {
        0 => Ok(()),
        1 => Err(Failure::new("one part does not work", "see the table above")),
        number => Err(Failure::new(format!("{number} parts do not work"), "see the table above")),
    }
}

async fn examine(settings: &Settings) -> Report {
    let context = assemble::context();
    let mut report = Report::default();
    report.add("data", checks::data(settings));
    report.add("clock", checks::clock(context.now()));
    let sync = match checks::open(settings).await {
        Ok((database, address)) => {
            report.add("database", checks::database(&*database, &address).await);
            report.add("keys", checks::keys(&*database, context.now()).await);
            report.add("queue", checks::queue(settings, &*database, &context).await);
            let sync = checks::sync(settings, &database, &context).await;
            database.close().await;
            sync
        }
        Err(failure) => {
            report.add("database", Err(failure));
            report.add("queue", Ok(Finding::Untried("it needs the database".to_owned())));
            Ok(Finding::Untried("it needs the database".to_owned()))
        }
    };
    report.add("media", checks::media(settings, &context).await);
    report.add("mailer", checks::mailer(settings, context.clock.clone()).await);
    report.add("sync", sync);
    report.add("uploads", checks::uploads(settings, context.clock.clone()).await);
    report.add("google", checks::google(settings, &context).await);
    report.add("listen", checks::listen(settings));
    report.add("public_url", checks::public_url(settings));
    report
}
