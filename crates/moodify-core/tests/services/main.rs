//! The services over memory adapters, with a clock and dice that the tests own.

mod accounts;
mod delivery;
mod media_gate;
mod notifications;
mod tokens;
mod world;
