//! Structured logs on standard error: for people on a terminal, one JSON object a line otherwise.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

use crate::{
    config::{Log, LogFormat},
    failure::{Failure, one_line},
};

/// Starts logging.
///
/// # Errors
/// If the filter is not one.
pub(crate) fn start(log: &Log) -> Result<(), Failure> {
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
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if json {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        lines.with_ansi(io::stderr().is_terminal()).with_target(false).try_init()
    };
    started.map_err(|error| Failure::new(format!("logging cannot start: {error}"), "report this fault"))
}
