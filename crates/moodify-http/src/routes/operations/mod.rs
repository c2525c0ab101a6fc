//! For those who run it.

pub(crate) mod docs;
pub(crate) mod get_liveness;
pub(crate) mod get_metrics;
pub(crate) mod get_openapi;
pub(crate) mod get_readiness;
