#![doc = include_str!("docs.md")]

#[cfg(feature = "azure")]
mod azure;
mod backend;
mod config;
mod error;
#[cfg(feature = "gcs")]
mod gcs;
mod http;
mod media_signer;
mod media_store;
mod upload;

pub use config::{ObjectStoreConfig, ObjectStoreUrlError, Provider};
pub use media_store::ObjectMediaStore;
