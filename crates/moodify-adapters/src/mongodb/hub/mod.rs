//! Playback of any number of processes over one database (`sync = "mongodb://…"` or `"database:"`), for those who
//! have no Redis: the hub, and the store beside it.
//! What it keeps and promises is in the module's `docs.md`.

mod attendance;
mod base;
mod config;
mod ears;
mod error;
mod playback_store;
mod presence;
mod server;
mod sync_hub;

pub use config::MongoSyncConfig;
pub use playback_store::MongoSharedPlayback;
pub use server::MongoSync;
pub use sync_hub::MongoSyncHub;
