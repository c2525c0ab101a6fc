#![doc = include_str!("docs.md")]

mod audio;
pub mod child;
mod config;
mod cover;
mod fault;
mod finding;
mod frame;
mod in_process_probe;
mod layout;
mod limits;
mod media_probe;
mod process_probe;
mod staging;
mod tags;

pub use config::ProbeConfig;
pub use in_process_probe::InProcessProbe;
pub use limits::ProbeLimits;
pub use process_probe::{ProcessProbe, Program};
