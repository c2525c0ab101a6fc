//! Moodify's ports on real technology: one folder and one feature each.

// So that its own tests and those beside it can share a helper.
#[cfg(test)]
extern crate self as moodify_adapters;

#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "gmail")]
pub mod gmail;
#[cfg(feature = "jwks")]
pub mod jwks;
#[cfg(feature = "mail-files")]
pub mod mail_files;
#[cfg(feature = "mongodb")]
pub mod mongodb;
#[cfg(any(feature = "azure", feature = "gcs"))]
pub mod object_store;
#[cfg(feature = "oidc")]
pub mod oidc;
#[cfg(feature = "otel")]
pub mod otel;
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
pub mod preflight;
#[cfg(feature = "probe")]
pub mod probe;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "smtp")]
pub mod smtp;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod sql;

#[cfg(any(feature = "mongodb", feature = "rabbitmq", feature = "redis"))]
mod backoff;
#[cfg(any(feature = "files", feature = "probe"))]
mod chunks;
#[cfg(any(feature = "mongodb", feature = "postgres", feature = "sqlite"))]
mod faults;
#[cfg(any(feature = "mongodb", feature = "postgres", feature = "rabbitmq", feature = "sqlite"))]
mod hint;
#[cfg(any(feature = "mongodb", feature = "redis"))]
mod hub;
#[cfg(any(feature = "mail-files", feature = "smtp"))]
mod message;
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
mod parts;
#[cfg(any(feature = "files", feature = "mail-files", feature = "probe"))]
mod scratch;
#[cfg(any(
    feature = "azure",
    feature = "gcs",
    feature = "gmail",
    feature = "jwks",
    feature = "oidc",
    feature = "redis",
    feature = "s3"
))]
mod tls;
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
mod unfinished;
#[cfg(any(
    feature = "azure",
    feature = "gcs",
    feature = "gmail",
    feature = "jwks",
    feature = "oidc",
    feature = "s3"
))]
mod web;
