//! Uploads, honest and hostile, looked at in this process and in a child.
#![cfg(feature = "probe")]

mod audio;
mod cover;
mod fixture;
mod limits;
