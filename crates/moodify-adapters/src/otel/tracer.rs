use moodify_core::model::TraceContext;
use moodify_core::port::Tracer;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// Knows where spans stand, when [`layer`] is part of the program's subscriber.
#[derive(Clone, Copy, Debug, Default)]
pub struct OtelTracer;

impl Tracer for OtelTracer {
    fn current(&self) -> Option<TraceContext> {
        let context = Span::current().context();
        let span = context.span().span_context().clone();
        let trace_id = u128::from_be_bytes(span.trace_id().to_bytes());
        let span_id = u64::from_be_bytes(span.span_id().to_bytes());
        TraceContext::new(trace_id, span_id, span.is_sampled())
    }

    fn resume(&self, span: &Span, from: &TraceContext) {
        let flags = if from.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let place = SpanContext::new(
            from.trace_id().into(),
            from.span_id().into(),
            flags,
            true,
            TraceState::default(),
        );
        if let Err(error) = span.set_parent(Context::new().with_remote_span_context(place)) {
            tracing::debug!(%error, "a span begins a trace of its own");
        }
    }

    fn describe(&self, span: &Span, name: &str) {
        span.record("otel.name", name);
        span.record("otel.kind", "server");
    }
}

/// Turns spans of Moodify into those of this tracer, with what is logged inside them.
pub fn layer<S, T>(tracer: T) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    T: opentelemetry::trace::Tracer + Send + Sync + 'static,
    T::Span: Send + Sync,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target("moodify", LevelFilter::INFO))
}
