//! Structured logs on standard error: for people on a terminal, one JSON object a line otherwise.

use std::io::{self, IsTerminal};

use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, filter_fn},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{
    config::{Log, LogFormat},
    failure::{Failure, one_line},
};

/// Something else that hears of spans and events.
pub(crate) type MoreLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging.
///
/// # Errors
/// If the filter is not one.
pub(crate) fn start(log: &Log) -> Result<(), Failure> {
    start_with(log, None)
}

/// Starts logging beside something else, which the filter of the log does not concern.
///
/// # Errors
/// If the filter is not one.
pub(crate) fn start_with(log: &Log, more: Option<MoreLayer>) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        Failure::new(
            format!("log.filter is not a filter: {}", one_line(&error)),
            "write levels such as `info` or `info,moodify_core=debug` (MOODIFY_LOG_FILTER)",
        )
    })?;
    let json = match log.format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = if json {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    } else {
        lines.with_ansi(io::stderr().is_terminal()).with_target(false).boxed()
    };
    // The broker's driver logs whole messages, with the links of mails in them.
    let filter = filter.and(filter_fn(|metadata| !metadata.target().starts_with("lapin")));
    let started = Registry::default().with(more).with(lines.with_filter(filter)).try_init();
    started.map_err(|error| Failure::new(format!("logging cannot start: {error}"), "report this fault"))
}
