#![doc = include_str!("docs.md")]

mod config;
mod error;
mod identity_provider;
mod issuer;
mod person;

pub use config::{InvalidIssuer, OidcConfig, SigningAlgorithm};
pub use identity_provider::OidcProvider;
