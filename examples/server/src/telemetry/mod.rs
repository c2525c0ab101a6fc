//! Where traces go. Said in the variables that every program with OpenTelemetry knows, so that there
//! is no second way to say it: `OTEL_EXPORTER_OTLP_ENDPOINT` turns it on.

mod client;

use std::{env, time::Duration};

use moodify_adapters::otel;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;
use tracing_subscriber::{Layer, Registry};

use crate::{
    failure::{Failure, one_line},
    logging::MoreLayer,
};
use client::Client;

/// The variables that name a collector; the first one wins.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// How long the end of the process waits for the last spans to go out.
const PATIENCE: Duration = Duration::from_secs(5);

/// Traces on their way to a collector.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins if the environment names a collector.
    ///
    /// # Errors
    /// If what it names is none that this program can talk to.
    pub(crate) fn from_environment(service: String, runtime: &Handle) -> Result<Option<Self>, Failure> {
        let given = |name: &str| env::var(name).ok().filter(|text| !text.is_empty());
        let disabled = given("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let Some(name) = ENDPOINTS.into_iter().find(|name| !disabled && given(name).is_some()) else {
            return Ok(None);
        };
        if !given(name).is_some_and(|url| url.starts_with("http://")) {
            return Err(Failure::new(
                format!("{name} is not an address that begins with http://"),
                "send traces to a collector on this machine or network, such as http://127.0.0.1:4318",
            ));
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(Client::new(runtime.clone()))
            .build()
            .map_err(|error| {
                Failure::new(
                    format!("traces cannot be sent: {}", one_line(&error)),
                    format!("correct {name} and the other variables that begin with OTEL_EXPORTER"),
                )
            })?;
        let mut resource = Resource::builder();
        if given("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(service);
        }
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
        Ok(Some(Self(provider.build())))
    }

    /// What turns spans into traces.
    pub(crate) fn layer(&self) -> MoreLayer {
        let layer = otel::layer::<Registry, _>(self.0.tracer("moodify"));
        layer.boxed()
    }

    /// Sends what is left. The runtime must still run.
    pub(crate) fn end(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}
