//! `[telemetry]`

use serde::Deserialize;

/// Traces. Where they go is said in the standard variables of OpenTelemetry (`OTEL_…`).
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Telemetry {
    /// Whether requests may say which trace they belong to.
    pub(crate) trust_traceparent: bool,
}
