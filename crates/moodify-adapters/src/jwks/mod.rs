#![doc = include_str!("docs.md")]

mod published_keys;

pub use published_keys::JwksKeys;
