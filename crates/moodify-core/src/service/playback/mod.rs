//! One listener, many devices: the playback state is the server's, its order is the revision, and
//! connections only carry hints.
//!
//! A transport (such as the Socket.IO endpoint of `moodify-http`) opens a [`Connection`] for a
//! verified caller, puts its commands into order with a [`Lane`], and forwards what it hears.

mod account_deleted;
mod auth_refresh;
mod budget;
mod catch_up;
mod change;
mod command;
mod connect;
mod deserted;
mod disconnect;
mod ended;
mod events;
mod hearing;
mod hello;
mod lane;
mod plays;
mod presence;
mod ready;
mod report;
mod resync;
mod round_trip;
mod session_revoked;
mod set_back;
mod settle;
mod share;
mod transition;
mod turns;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub use budget::Budget;
pub use catch_up::CatchUp;
pub use command::Outcome;
pub use connect::Connection;
pub use hello::Welcome;
pub use lane::{Lane, Turn};
pub use report::Report;
pub use resync::Resync;
pub use share::Place;

use super::Context;
use crate::config::PlaybackConfig;
use crate::model::{AccountId, Epoch, PlaybackState};
use crate::port::{Ended, PlaybackStore, PlaybackStoreError, Queue, SyncHub};
use crate::{AuthFailure, Error};
use deserted::Deserted;
use ended::EndedLately;
use jiff::Timestamp;
use plays::Plays;
use share::Places;
use turns::Turns;
use watch::Watch;

/// Devices, commands and state. Cheap to share behind an `Arc`.
pub struct Playback {
    store: Arc<dyn PlaybackStore>,
    hub: Arc<dyn SyncHub>,
    queue: Arc<dyn Queue>,
    context: Context,
    config: PlaybackConfig,
    started_at: Timestamp,
    turns: Turns,
    places: Places,
    ended: EndedLately,
    deserted: Deserted,
    watch: Watch,
    plays: Plays,
}

/// What playback stands on.
#[derive(Clone)]
pub struct PlaybackParts {
    /// The truth.
    pub store: Arc<dyn PlaybackStore>,
    /// The hints.
    pub hub: Arc<dyn SyncHub>,
    /// Where plays are told of.
    pub queue: Arc<dyn Queue>,
}

impl Playback {
    /// A service on these ports. `token_life` is how long an access token may still open something after
    /// its session has ended. [`run`](Self::run) does what has to be done between messages.
    pub fn new(parts: PlaybackParts, context: Context, config: PlaybackConfig, token_life: Duration) -> Self {
        let PlaybackParts { store, hub, queue } = parts;
        Self {
            store,
            hub,
            queue,
            started_at: context.now(),
            plays: Plays::new(context.clone()),
            context,
            config,
            turns: Turns::default(),
            places: Places::default(),
            ended: EndedLately::new(token_life),
            deserted: Deserted::default(),
            watch: Watch::default(),
        }
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
            return Ok(self.by_this_clock(account, state));
        }
        // Connections that are not closed yet, here or at another process, must not bring back what was
        // deleted.
        if self.is_any_ended(&[Ended::Account(account)]).await? {
            return Err(AuthFailure::InvalidToken.into());
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
    /// The queue would be longer than allowed.
    #[error("The queue has no room for so many tracks.")]
    QueueFull,
    /// There is no such place in the queue.
    #[error("The queue has no such index.")]
    OutOfRange,
    /// The queue has no entry with that id.
    #[error("The queue has no such entry.")]
    UnknownEntry,
    /// The listener has no such device, or the connection has not said which one it is.
    #[error("There is no such device: say hello first.")]
    UnknownDevice,
    /// The device is not connected.
    #[error("The device is not connected.")]
    DeviceOffline,
    /// No sound is on its way to the device, or not because of that command.
    #[error("No sound is on its way here.")]
    NoTransfer,
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
    /// Every refusal.
    pub const ALL: [Self; 14] = [
        Self::Stale,
        Self::NothingToPlay,
        Self::QueueFull,
        Self::OutOfRange,
        Self::UnknownEntry,
        Self::UnknownDevice,
        Self::DeviceOffline,
        Self::NoTransfer,
        Self::SequenceGap,
        Self::SequencePassed,
        Self::RateLimited,
        Self::TooManyDevices,
        Self::OtherDevice,
        Self::OtherAccount,
    ];

    /// Stable code for clients.
    pub fn code(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::NothingToPlay => "nothing_to_play",
            Self::QueueFull => "queue_full",
            Self::OutOfRange => "out_of_range",
            Self::UnknownEntry => "unknown_entry",
            Self::UnknownDevice => "unknown_device",
            Self::DeviceOffline => "device_offline",
            Self::NoTransfer => "no_transfer",
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
