//! One listener, many devices: the playback state is the server's, its order is the revision, and
//! connections only carry hints.
//!
//! A transport (such as the Socket.IO endpoint of `moodify-http`) opens a [`Connection`] for a
//! verified caller, puts its commands into order with a [`Lane`], and forwards what it hears.

mod auth_refresh;
mod budget;
mod command;
mod connect;
mod disconnect;
mod events;
mod hello;
mod lane;
mod presence;
mod resync;
mod session_revoked;
mod transition;
mod turns;

use std::sync::Arc;

pub use budget::Budget;
pub use command::Outcome;
pub use connect::Connection;
pub use hello::Welcome;
pub use lane::{Lane, Turn};
pub use resync::Resync;

use super::Context;
use crate::Error;
use crate::config::PlaybackConfig;
use crate::model::{AccountId, Epoch, PlaybackState};
use crate::port::{PlaybackStore, PlaybackStoreError, SyncHub};
use turns::Turns;

/// Devices, commands and state. Cheap to share behind an `Arc`.
pub struct Playback {
    store: Arc<dyn PlaybackStore>,
    hub: Arc<dyn SyncHub>,
    context: Context,
    config: PlaybackConfig,
    turns: Turns,
}

impl Playback {
    /// A service on these ports.
    pub fn new(
        store: Arc<dyn PlaybackStore>,
        hub: Arc<dyn SyncHub>,
        context: Context,
        config: PlaybackConfig,
    ) -> Self {
        Self { store, hub, context, config, turns: Turns::default() }
    }

    /// Time and chance, for the transport.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The limits, for the transport.
    pub fn config(&self) -> &PlaybackConfig {
        &self.config
    }

    /// The listener's state; a new epoch when the store has none.
    async fn state(&self, account: AccountId) -> Result<PlaybackState, Error> {
        if let Some(state) = self.store.load(account).await? {
            return Ok(state);
        }
        let epoch = Epoch::from(crate::model::id::uuid_v7(self.context.now(), &self.context.random()));
        let state = PlaybackState::initial(epoch, self.context.now());
        match self.store.create(account, &state).await {
            Ok(()) => Ok(state),
            // Somebody else was first: then it is there, or it was lost again.
            Err(conflict @ PlaybackStoreError::Conflict) => {
                self.store.load(account).await?.ok_or_else(|| conflict.into())
            }
            Err(fault) => Err(fault.into()),
        }
    }
}

/// Why a message was not carried out although all parts work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The state is not the one the command was meant for.
    #[error("The playback has changed since.")]
    Stale,
    /// The queue is empty.
    #[error("There is no track to play.")]
    NothingToPlay,
    /// An earlier command (by `seq`) did not come in time.
    #[error("An earlier command is missing: resync, and go on from the next seq.")]
    SequenceGap,
    /// A command with this or a later `seq` had its turn already.
    #[error("A command with this or a later seq has had its turn.")]
    SequencePassed,
    /// The connection sends more than it may.
    #[error("Too many messages: slow down.")]
    RateLimited,
    /// The listener has as many devices connected as are allowed.
    #[error("Too many devices are connected.")]
    TooManyDevices,
    /// The connection has introduced itself as another device.
    #[error("This connection is another device already.")]
    OtherDevice,
    /// The new token belongs to somebody else.
    #[error("The token belongs to another account.")]
    OtherAccount,
}

impl Refusal {
    /// Stable code for clients.
    pub fn code(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::NothingToPlay => "nothing_to_play",
            Self::SequenceGap => "sequence_gap",
            Self::SequencePassed => "sequence_passed",
            Self::RateLimited => "rate_limited",
            Self::TooManyDevices => "too_many_devices",
            Self::OtherDevice => "other_device",
            Self::OtherAccount => "other_account",
        }
    }
}

#[cfg(test)]
mod tests;
