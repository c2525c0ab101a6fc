#![doc = include_str!("docs.md")]

mod tracer;

pub use tracer::{OtelTracer, layer};
