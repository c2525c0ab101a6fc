#![doc = include_str!("docs.md")]

mod client;
mod config;
mod credentials;
mod error;
mod media_signer;
mod media_store;
mod multipart;
mod reader;

pub use config::{Encryption, S3Config, S3UrlError};
pub use media_store::S3MediaStore;
pub use reader::S3Reader;
