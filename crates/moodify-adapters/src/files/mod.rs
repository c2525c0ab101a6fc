#![doc = include_str!("docs.md")]

mod error;
mod media_store;

pub use media_store::FileMediaStore;
