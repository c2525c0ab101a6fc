//! Uploads, honest and hostile, looked at in this process and in a child.
#![cfg(feature = "probe")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests report by panicking")]

mod audio;
mod cover;
mod fixture;
mod limits;
