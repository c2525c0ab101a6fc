//! Logs and traces of a server.

use std::sync::Arc;

use moodify_core::port::Tracer;
use tokio::runtime::Runtime;

use crate::{cli::Role, config::Settings, failure::Failure, logging};

/// Who follows what happens.
pub(super) struct Watch {
    #[cfg(feature = "otel")]
    traces: Option<crate::telemetry::Traces>,
}

#[cfg(feature = "otel")]
impl Watch {
    /// Starts to log, and to trace if the environment says where to.
    ///
    /// # Errors
    /// If what the settings or the environment say makes no sense.
    pub(super) fn begin(role: Role, settings: &Settings, runtime: &Runtime) -> Result<Self, Failure> {
        let service = match role.names() {
            [one] => format!("moodify-{one}"),
            _ => "moodify".to_owned(),
        };
        let traces = crate::telemetry::Traces::from_environment(service, runtime.handle())?;
        logging::start_with(&settings.log, traces.as_ref().map(crate::telemetry::Traces::layer))?;
        Ok(Self { traces })
    }

    /// Who ties spans to traces.
    pub(super) fn tracer(&self) -> Arc<dyn Tracer> {
        match self.traces {
            Some(_) => Arc::new(moodify_adapters::otel::OtelTracer),
            None => Arc::new(moodify_core::memory::Silent),
        }
    }

    /// Sends what is left. The runtime must still run.
    pub(super) fn end(&self) {
        if let Some(traces) = &self.traces {
            traces.end();
        }
    }
}

#[cfg(not(feature = "otel"))]
impl Watch {
    /// Starts to log.
    ///
    /// # Errors
    /// If what the settings say makes no sense.
    pub(super) fn begin(_: Role, settings: &Settings, _: &Runtime) -> Result<Self, Failure> {
        logging::start(&settings.log)?;
        Ok(Self {})
    }

    /// Who ties spans to traces: nobody.
    pub(super) fn tracer(&self) -> Arc<dyn Tracer> {
        Arc::new(moodify_core::memory::Silent)
    }

    /// There is nothing left to send.
    pub(super) fn end(&self) {}
}
