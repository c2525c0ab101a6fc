use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::Unavailable;
use crate::model::{AccountId, ConnectionId, DeviceId, DevicePresence, PlaybackState, SessionId};

/// Carries hints between the connections of one listener, across all nodes.
///
/// May lose a message, never invents one, and never reorders those that one process publishes for
/// one listener: whatever is lost, a device finds out by revision and pulls from the
/// [`PlaybackStore`](super::PlaybackStore). A hub that knows that it may have lost some says so with
/// [`Signal::Missed`].
#[async_trait]
pub trait SyncHub: Send + Sync {
    /// Joins a connection to its listener's others. It gets what is published after this returns.
    /// Dropping the stream ends it: the connection is gone at once, for every method.
    ///
    /// A subscriber that does not read is not waited for: when more signals wait than the adapter
    /// holds ([`MIN_BACKLOG`] to [`MAX_BACKLOG`]), further ones are dropped and the stream ends with
    /// [`Signal::Close`]`(`[`CloseReason::TooSlow`]`)` after those that were kept.
    async fn subscribe(&self, subscriber: &Subscriber) -> Result<Signals, SyncHubError>;

    /// Replaces what is known of a joined connection. Nothing happens when it is gone.
    async fn update(&self, subscriber: &Subscriber) -> Result<(), SyncHubError>;

    /// Sends a hint to all the listener's connections but `from`, never to another listener's.
    async fn publish(&self, account: AccountId, from: ConnectionId, hint: &Hint) -> Result<(), SyncHubError>;

    /// The listener's connections that are there now, oldest first. Right after a change another
    /// node may still see the old list.
    async fn online(&self, account: AccountId) -> Result<Vec<Subscriber>, SyncHubError>;

    /// Ends the streams of the connections that were opened with this session: each gets
    /// [`Signal::Close`]`(`[`CloseReason::SessionRevoked`]`)` as its last signal, even if hints were
    /// dropped before.
    async fn close_session(&self, account: AccountId, session: SessionId) -> Result<(), SyncHubError>;

    /// The same for all the listener's connections, with [`CloseReason::AccountDeleted`].
    async fn close_account(&self, account: AccountId) -> Result<(), SyncHubError>;

    /// Waits until it is clear that a connection is gone that nobody took leave of, because its process
    /// died. Each is told to one of the processes that ask, or to none if that one dies as well.
    ///
    /// For ever with a hub of one process: what it knows dies with it.
    async fn deserted(&self) -> Subscriber {
        std::future::pending().await
    }
}

/// How many signals a [`SyncHub`] keeps at least for a subscriber that does not read.
pub const MIN_BACKLOG: usize = 32;

/// How many signals a [`SyncHub`] keeps at most for a subscriber that does not read.
pub const MAX_BACKLOG: usize = 1024;

/// What a connection hears, in order. Nothing follows a [`Signal::Close`].
pub type Signals = BoxStream<'static, Signal>;

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Its identifier.
    pub connection: ConnectionId,
    /// Whose it is.
    pub account: AccountId,
    /// The session whose token opened it.
    pub session: SessionId,
    /// Which device it is, once it has said so.
    pub device: Option<DeviceId>,
    /// How long a message takes to it and back, as it says; zero until then.
    pub round_trip: Duration,
}

/// What a connection hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// News from another connection of the same listener.
    Hint(Hint),
    /// Hints and closes may have been lost before this: whoever hears it asks the store.
    Missed,
    /// The connection has to end.
    Close(CloseReason),
}

/// News for a listener's other connections.
#[derive(Clone, Debug, PartialEq)]
pub enum Hint {
    /// The state changed.
    State(Arc<PlaybackState>),
    /// A device came or went.
    Presence(Arc<DevicePresence>),
}

/// Why the hub ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Its session was revoked.
    SessionRevoked,
    /// Its account is gone.
    AccountDeleted,
    /// It does not read.
    TooSlow,
}

/// Why a [`SyncHub`] failed.
#[derive(Debug, thiserror::Error)]
pub enum SyncHubError {
    /// The technology failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
