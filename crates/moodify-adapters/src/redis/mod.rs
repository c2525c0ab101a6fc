#![doc = include_str!("docs.md")]

mod archive;
mod attendance;
mod config;
mod error;
mod facts;
mod hub;
mod keys;
mod playback_store;
mod server;
mod session;

pub use config::{RedisConfig, RedisUrlError};
pub use hub::RedisSyncHub;
pub use playback_store::RedisPlaybackStore;
pub use server::{Examination, Redis};
