//! The Socket.IO endpoint (protocol 5) at `/socket.io/`: one listener, many devices.
//! `docs/playback.md` explains it to whoever writes a player.
//!
//! | Event | Direction | Payload → acknowledgement |
//! |---|---|---|
//! | `hello` | device → server | `{device_id, name, kind?, capabilities?, epoch?, rev?}` → `{state, devices, server_us, session_expires_at}` |
//! | `clock` | device → server | `{t0, rtt_us?}` → `{t0, t1, t2}` in µs |
//! | `command` | device → server | `{command_id?, seq?, expect?: {epoch, rev}, op, args?}` → `{ok: true, rev, at_us, state?}` |
//! | `resync` | device → server | `{epoch?, rev?}` → `{state}` or `{unchanged: true}` |
//! | `report` | device → server | `{rev, position_ms, at_us}` → `{epoch, rev}` |
//! | `ready` | device → server | `{command_id?}` → `{ok: true, rev, at_us, state}` |
//! | `auth_refresh` | device → server | `{token}` → `{session_expires_at}` |
//! | `state` | server → the listener's other devices | the new state |
//! | `presence` | server → the listener's other devices | `{device_id, name, kind, capabilities, online, last_seen}` |
//!
//! A device presents its access token as `auth: {token}`; a web page whose session is in a cookie
//! may leave it out.
//!
//! Whatever cannot be done is acknowledged with `{ok: false, code, message, state?}`. A refused
//! handshake is a `connect_error` whose `message` is the code: `unauthorized`, `token_expired`,
//! `too_many_devices` or `unavailable`.
//!
//! `seq` counts the commands of one socket; its first one sets the start. A command waits up to
//! [`sequence_wait`](moodify_core::config::PlaybackConfig::sequence_wait) for those before it; then
//! all that waited get `sequence_gap`, and counting goes on behind them. One that comes after its
//! turn gets `sequence_passed`, unless it repeats an applied `command_id`: then it gets the same
//! answer again. Without `seq`, commands are applied in the order they arrive.

mod detached;
#[cfg(fuzzing)]
pub mod fuzzing;
mod handshake;
mod inbox;
mod intake;
mod seat;
mod session;
mod waiting;
mod wire;

use std::{sync::Arc, time::Duration};

use axum::extract::Request;
use futures::future::{BoxFuture, FutureExt};
use moodify_core::model::Caller;
use moodify_core::service::{Accounts, Playback};
use moodify_core::{Error, port::Clock};
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;
use socketioxide::{ParserConfig, SocketIo};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::layer::util::Stack;
use tower::util::MapRequestLayer;

use crate::cookies::CookieSessions;
pub(crate) use detached::detached;
use handshake::Gate;

/// Turns an access token into whoever it was issued to.
pub trait Authenticator: Send + Sync {
    /// The caller.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the token is not good, or not any more.
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, Error>>;
}

impl Authenticator for Accounts {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, Error>> {
        Self::authenticate(self, token).boxed()
    }
}

/// What an operator decides about sockets.
#[derive(Clone, Debug)]
pub struct SyncConfig {
    /// Largest message, in bytes. A larger one is refused; one that is four times as large ends the
    /// connection. Default 64 KiB.
    pub max_message_bytes: usize,
    /// How often the server asks whether a socket is alive. Default 25 s: less than the idle
    /// time-out of common load balancers (60 s).
    pub ping_interval: Duration,
    /// How long it waits for the answer. Default 20 s.
    pub ping_timeout: Duration,
    /// Whose pages may open sockets by cookie, without a token. Default: nobody's.
    pub cookies: Option<CookieSessions>,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self {
            max_message_bytes: 64 * 1024,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            cookies: None,
        }
    }
}

/// How long a transport may be open without asking for the namespace.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The smallest buffer that reads typical messages at once: most sockets are idle, and there are
/// many (measured: 26.2 instead of 29.7 KB per idle socket).
const READ_BUFFER_BYTES: usize = 512;

/// How many packets wait for a device to read: each may be a state with a long queue. A buffer that
/// is full for longer than a moment ends the socket, and one that is full when the library wants to ping
/// ends it at once: there is room for a word on each of a listener's devices, twice.
const WAITING_PACKETS: usize = 64;

/// Where the library answers, with and without a slash at the end.
const PATH: &str = "/socket.io";

/// Whether the library answers a request for this path.
pub(crate) fn is_socket(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The endpoint, for a router.
pub type SyncLayer = Stack<SocketIoLayer, MapRequestLayer<fn(Request) -> Request>>;

/// The endpoint as a layer for a router, and a handle to end it.
///
/// Put the layer outside of time limits: a polling request is open for as long as there is nothing
/// to say.
pub fn layer(
    playback: Arc<Playback>,
    authenticator: Arc<dyn Authenticator>,
    config: &SyncConfig,
) -> (SyncLayer, SyncHandle) {
    // The library cuts the line where a message is larger than it takes: so that it can be refused
    // with a code, it takes more.
    let most = config.max_message_bytes.saturating_mul(4);
    let limits = ParserConfig::common()
        .max_incoming_binaries(1)
        .max_incoming_binary_buf_size(config.max_message_bytes);
    let (layer, io) = SocketIo::builder()
        .with_parser(limits)
        .req_path(PATH)
        .max_payload(most as u64)
        .max_buffer_size(WAITING_PACKETS)
        .ws_max_message_size(most)
        .ws_max_frame_size(most)
        .ws_read_buffer_size(READ_BUFFER_BYTES)
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_timeout)
        .connect_timeout(CONNECT_TIMEOUT)
        .build_layer();
    let sessions = TaskTracker::new();
    let clock = playback.context().clock.clone();
    let closing = CancellationToken::new();
    let gate = Arc::new(Gate {
        playback,
        authenticator,
        cookies: config.cookies.clone(),
        sessions: sessions.clone(),
        closing: closing.clone(),
        max_message_bytes: config.max_message_bytes,
    });
    let admit = move |socket: SocketRef, TryData(auth): TryData<wire::Handshake>| {
        let gate = gate.clone();
        async move { gate.admit(&socket, auth.ok()).await }
    };
    io.ns("/", session::serve.with(admit));
    let seated: fn(Request) -> Request = seat::seated;
    (Stack::new(layer, MapRequestLayer::new(seated)), SyncHandle { io, sessions, closing, clock })
}

/// Ends the endpoint, and tells how many use it. Cheap to clone.
#[derive(Clone)]
pub struct SyncHandle {
    io: SocketIo,
    sessions: TaskTracker,
    closing: CancellationToken,
    clock: Arc<dyn Clock>,
}

impl SyncHandle {
    /// How many sockets are open.
    pub fn open(&self) -> usize {
        self.sessions.len()
    }

    /// Lets every socket finish what it is doing and closes it (its device will look for another
    /// node), takes no new ones, and returns when all are closed, but after `patience` at the
    /// latest: a device that does not read may never see the end.
    pub async fn close(&self, patience: Duration) {
        // The library forgets its disconnect handlers when it closes: the sessions end first.
        self.closing.cancel();
        self.sessions.close();
        let closed = async {
            self.sessions.wait().await;
            self.io.close().await;
        };
        tokio::select! {
            () = closed => {}
            () = self.clock.sleep(patience) => {
                tracing::warn!(left = self.sessions.len(), "sockets did not close in time");
            }
        }
    }
}
