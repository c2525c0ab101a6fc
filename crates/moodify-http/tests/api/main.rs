//! The whole contract through the real router, on memory adapters: one file per resource.

mod auth;
mod hostile;
mod media;
mod openapi;
mod operations;
mod playlists;
mod support;
mod tokens;
mod tracks;
mod uploads;
