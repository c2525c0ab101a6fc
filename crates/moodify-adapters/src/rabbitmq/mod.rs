#![doc = include_str!("docs.md")]

mod config;
mod error;
mod inbox;
mod letters;
mod line;
mod link;
mod lock;
mod message;
mod queue;
mod session;
mod topology;

pub use config::{RabbitConfig, RabbitUrlError};
pub use queue::RabbitQueue;
