use crate::model::TraceContext;

/// Ties the spans of this process to traces that go through several.
///
/// Spans are those of [`tracing`]; a tracer only knows where each stands in its trace. Never fails:
/// work that nobody traces is done all the same.
pub trait Tracer: Send + Sync {
    /// Where the present span stands; `None` outside of every span, or when nobody records it.
    fn current(&self) -> Option<TraceContext>;

    /// Makes this span, which was not entered yet, the continuation of that place.
    fn resume(&self, span: &tracing::Span, from: &TraceContext);

    /// Gives the span of a request the name that people look for. Its fields `otel.name` and
    /// `otel.kind` were left empty for that.
    fn describe(&self, span: &tracing::Span, name: &str);
}
