//! Playback of any number of processes over one database (`sync = "mongodb://…"` or `"database:"`), for those who
//! have no Redis: the hub, and the store beside it.
//!
//! | Collection | What it is |
//! |---|---|
//! | `sync_hints` | what processes tell each other: numbered by each, removed by the server after a minute |
//! | `sync_leases` | the processes, and until when each counts as alive, by the server's clock |
//! | `sync_presence` | the connections, by id and lease |
//!
//! - **A hint** is delivered to the connections of the same process first and then stored, up to 64 in one
//!   insert, in one order for both. Nothing waits for a slow server: hints are dropped when 32 MiB of them wait.
//! - **Every process hears every hint** of the others over one change stream, and passes on what is for its own
//!   connections. It counts: where a number is missing, all its connections hear `Signal::Missed`. Three times a
//!   lease each process stores a pulse, and takes its change stream for dead when it misses two of its own.
//! - **When the connection is lost** it is made again after 0.1 s, 0.2 s, … 5 s, for ever, under another lease, and
//!   then every connection of the process hears `Signal::Missed`. In the meantime calls fail at once.
//! - **Presence** is a lease of each process (10 s), renewed three times as often. When one ends, a process that
//!   runs the service removes what it finds under it and has it noted that these devices are gone.
//! - **Time-outs** are on everything the hub asks (3 s); the store has those of the database.

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
