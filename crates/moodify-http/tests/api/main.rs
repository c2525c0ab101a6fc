//! The whole contract through the real router, on memory adapters: one file per resource.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod account;
mod artists;
mod auth;
mod contract;
mod cookies;
mod direct_uploads;
mod edits;
mod google;
mod headers;
mod hostile;
mod hostile_contract;
mod library;
mod limits;
mod logs;
mod media;
mod metrics;
mod openapi;
mod operations;
mod playlists;
mod plays;
#[path = "../../../moodify-adapters/tests/postgres/slot.rs"]
mod postgres;
mod recovery;
mod sessions;
mod signer;
mod sockets;
mod support;
mod tokens;
mod tracks;
mod uploads;
mod wire;
