#![doc = include_str!("docs.md")]

mod archive;
mod attendance;
mod config;
mod error;
mod facts;
mod hub;
mod keys;
mod link;
mod playback_store;
mod publisher;
mod server;
mod session;
mod wire;

pub use config::{RedisConfig, RedisUrlError};
pub use hub::RedisSyncHub;
pub use playback_store::RedisPlaybackStore;
pub use server::{Examination, Redis};
