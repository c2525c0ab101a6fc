//! The services over memory adapters, with a clock and dice that the tests own.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

mod accounts;
mod backlog;
mod clock;
mod delivery;
mod desk;
mod guessing;
mod imports;
mod keys;
mod linking;
mod mail_answers;
mod mail_faults;
mod mails;
mod media_gate;
mod notifications;
mod passwords;
mod published_keys;
mod recovery;
mod releases;
mod tokens;
mod troubled;
mod watched;
mod world;
