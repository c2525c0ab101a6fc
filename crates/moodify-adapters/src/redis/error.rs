//! What may go wrong with a Redis server, in words for whoever runs it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use moodify_core::port::{PlaybackStoreError, SyncHubError, Unavailable};
use redis::RedisError;

use crate::hub::HubFault;

/// Why the server did not do what it was asked. What to do about it stands after the last semicolon.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It cannot be connected to.
    #[error(
        "the Redis server at {host} is out of reach ({source}); see whether it runs, and whether the URL is right (rediss:// where it wants TLS)"
    )]
    OutOfReach { host: String, source: Arc<io::Error> },
    /// It wants a password, or another one.
    #[error("the Redis server at {host} refuses the log-in ({reply}); correct user and password in the URL")]
    LogIn { host: String, reply: String },
    /// Whoever answers does not prove to be the server.
    #[error(
        "the Redis server at {host} is not trusted ({source}); set redis.ca_file to the authority that signed its certificate, and let the URL have the name that it is for"
    )]
    Certificate { host: String, source: Arc<io::Error> },
    /// It answers, but not in TLS.
    #[error(
        "the Redis server at {host} does not speak TLS there ({source}); set the URL to redis://, or to the server's TLS port"
    )]
    NoTls { host: String, source: Arc<io::Error> },
    /// It takes connections, and does not begin to speak TLS.
    #[error(
        "the Redis server at {host} does not begin to speak TLS within {patience:?}; see whether it does at that port (redis:// where not), and whether it is paused"
    )]
    NoHandshake { host: String, patience: Duration },
    /// The certificates that were given, or the name, make no sense.
    #[error("TLS cannot be used with {0}: {1}; correct redis.ca_file, or the name in the URL")]
    Tls(String, String),
    /// Nothing may be written to it.
    #[error("the Redis server at {0} is a replica of another one; let the URL name the primary")]
    Replica(String),
    /// The scripts name keys that a cluster would keep in several places.
    #[error(
        "the Redis server at {0} is part of a cluster, which the adapter cannot use; let the URL name a server without cluster mode (replicas are fine)"
    )]
    Cluster(String),
    /// The user may not do it.
    #[error(
        "the user may not do this ({0}); give it the commands and the keys that docs/operations.md lists, with ACL SETUSER"
    )]
    NotPermitted(String),
    /// It gave no answer in time.
    #[error("no answer from the Redis server within {0:?} to: {1}; see whether it is overloaded or paused")]
    Silent(Duration, &'static str),
    /// The connection is no more.
    #[error("the connection to the Redis server broke; it is made again")]
    Lost,
    /// The others took this process for dead.
    #[error("this process was silent for too long and counts as dead; it joins again")]
    Lapsed,
    /// It has another history than it had: it was demoted in between, or has its first replica.
    #[error("the Redis server may have lost what it answered before; it is connected to anew")]
    AnotherRun,
    /// Hints come faster than they can be sent.
    #[error("too many hints wait to be sent; see whether the Redis server is overloaded")]
    Full,
    /// It is there, but not yet ready, or no more able to.
    #[error("the Redis server did not {0}: {1}; see its log")]
    NotNow(&'static str, String),
    /// Anything else that it says.
    #[error("the Redis server did not {0}: {1}; see its log")]
    Refused(&'static str, String),
    /// Something that is not ours stands where ours should.
    #[error("what is stored under {0} cannot be read; delete it, or set another redis.prefix")]
    Stored(&'static str),
    /// Something that cannot be written as JSON.
    #[error("a playback state cannot be written as JSON; report this fault")]
    Encode(#[source] Arc<serde_json::Error>),
}

impl Fault {
    /// What came of asking for this.
    pub(super) fn of(what: &'static str, timeout: Duration, error: &RedisError) -> Self {
        if error.is_timeout() {
            return Self::Silent(timeout, what);
        }
        if error.is_io_error() || error.is_unrecoverable_error() {
            return Self::Lost;
        }
        match code(error).as_deref() {
            Some("NOPERM") => Self::NotPermitted(error.to_string()),
            // Loading, no more or not yet the primary, no memory left, no disk, a script that runs too long.
            Some(
                "BUSY" | "LOADING" | "MASTERDOWN" | "MISCONF" | "NOREPLICAS" | "OOM" | "READONLY"
                | "TRYAGAIN",
            ) => Self::NotNow(what, error.to_string()),
            _ => Self::Refused(what, error.to_string()),
        }
    }

    pub(super) fn encode(error: serde_json::Error) -> Self {
        Self::Encode(Arc::new(error))
    }

    /// Whether the same may work later without anybody changing anything.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::OutOfReach { .. }
                | Self::NoHandshake { .. }
                | Self::Silent(..)
                | Self::Lost
                | Self::Lapsed
                | Self::AnotherRun
                | Self::Full
                | Self::NotNow(..)
        )
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
        Self::encode(error)
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

impl From<Fault> for PlaybackStoreError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(fault.into())
    }
}

/// What the server itself said, of several commands to the first that it refused.
pub(super) fn code(error: &RedisError) -> Option<String> {
    let first = error.clone().into_server_errors();
    let first = first.as_ref().and_then(|errors| errors.first());
    first.map(|(_, error)| error.code()).or(error.code()).map(str::to_owned)
}
