#![doc = include_str!("docs.md")]

mod families;
mod meter;

pub use meter::PrometheusMeter;
