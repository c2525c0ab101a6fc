//! What may go wrong between processes that share a database, in words for whoever runs them.

use std::sync::Arc;
use std::time::Duration;

use moodify_core::port::{SyncHubError, Unavailable};

use crate::hub::HubFault;
use crate::mongodb::error::Fault as DatabaseFault;

/// Why the others cannot be reached. What to do about it stands after the last semicolon.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    /// What came of asking for that.
    #[error("the database did not {0}: {1}")]
    Database(&'static str, Arc<DatabaseFault>),
    /// It gave no answer in time.
    #[error("no answer from the database within {0:?} to: {1}; see whether it is overloaded or paused")]
    Silent(Duration, &'static str),
    /// Nothing more is told.
    #[error("the connection to the database broke; it is made again")]
    Lost,
    /// The others took this process for dead.
    #[error("this process was silent for too long and counts as dead; it joins again")]
    Lapsed,
    /// What is stored is not told any more.
    #[error("the database's change stream has fallen silent; another one is opened")]
    Deaf,
    /// Hints come faster than they can be stored.
    #[error("too many hints wait to be sent; see whether the database is overloaded")]
    Full,
    /// Something that is not ours stands where ours should.
    #[error("what is stored as {0} cannot be read; drop the collections sync_hints and sync_presence")]
    Stored(&'static str),
    /// Something that cannot be written as JSON.
    #[error("a playback state cannot be written as JSON; report this fault")]
    Encode(Arc<serde_json::Error>),
}

impl Fault {
    /// Whether the same may work later without anybody changing anything.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Database(_, fault) => fault.may_pass(),
            Self::Silent(..) | Self::Lost | Self::Lapsed | Self::Deaf | Self::Full => true,
            Self::Stored(_) | Self::Encode(_) => false,
        }
    }
}

impl HubFault for Fault {
    fn lost() -> Self {
        Self::Lost
    }

    fn full() -> Self {
        Self::Full
    }

    fn silent(patience: Duration, what: &'static str) -> Self {
        Self::Silent(patience, what)
    }

    fn unreadable(what: &'static str) -> Self {
        Self::Stored(what)
    }

    fn unwritable(error: serde_json::Error) -> Self {
        Self::Encode(Arc::new(error))
    }
}

/// A document that cannot be read.
impl From<DatabaseFault> for Fault {
    fn from(fault: DatabaseFault) -> Self {
        Self::Database("keep what we stored", Arc::new(fault))
    }
}

impl From<Fault> for Unavailable {
    fn from(fault: Fault) -> Self {
        if fault.is_passing() { Self::passing(fault) } else { Self::lasting(fault) }
    }
}

impl From<Fault> for SyncHubError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(fault.into())
    }
}
