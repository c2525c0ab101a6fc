//! What the server says.

use std::sync::Arc;

use moodify_core::Error;
use moodify_core::model::{DevicePresence, PlaybackState, PlaybackVersion, Timestamp};
use moodify_core::service::playback::{Outcome, Refusal, Resync, Welcome};
use serde::Serialize;

/// The longest explanation of a refused payload, in characters: it may quote the payload.
const MAX_EXPLANATION: usize = 200;

/// What a message is acknowledged with.
#[derive(Serialize)]
#[serde(untagged)]
pub(in super::super) enum Answer {
    Welcome {
        state: Box<PlaybackState>,
        devices: Vec<DevicePresence>,
        server_us: i64,
        session_expires_at: Timestamp,
    },
    Applied {
        ok: bool,
        rev: u64,
        at_us: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<Shared>,
    },
    Noted(PlaybackVersion),
    State {
        state: Box<PlaybackState>,
    },
    Unchanged {
        unchanged: bool,
    },
    Refreshed {
        session_expires_at: Timestamp,
    },
    Failure(Failure),
}

/// A state that other connections are told of as well.
pub(in super::super) struct Shared(Arc<PlaybackState>);

impl Serialize for Shared {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Why a message was not carried out.
#[derive(Debug, Serialize)]
pub(in super::super) struct Failure {
    ok: bool,
    pub code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Box<PlaybackState>>,
}

impl Failure {
    pub(in super::super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { ok: false, code, message: message.into(), state: None }
    }

    pub(in super::super) fn invalid(why: &str) -> Self {
        Self::new("invalid_payload", why.chars().take(MAX_EXPLANATION).collect::<String>())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Unauthenticated(failure) => Self::new(failure.code(), failure.to_string()),
            Error::Busy { .. } => Self::new("busy", "Too much is happening at once: try again."),
            Error::Unavailable(_) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a part that sync needs does not work"
                );
                Self::new("unavailable", "Try again later.")
            }
            _ => {
                tracing::error!(error = &error as &dyn std::error::Error, "sync failed");
                Self::new("internal", "Something went wrong.")
            }
        }
    }
}

impl Answer {
    /// The answer to a device that is ready for the sound.
    pub(in super::super) fn ready(state: Arc<PlaybackState>) -> Self {
        Self::Applied { ok: true, rev: state.rev, at_us: state.at_us, state: Some(Shared(state)) }
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied { applied, state } => Self::Applied {
                ok: true,
                rev: applied.version.rev,
                at_us: applied.at_us,
                state: state.map(Shared),
            },
            Outcome::Refused { refusal, state } => Self::Failure(Failure { state, ..refusal.into() }),
        }
    }
}

impl From<Resync> for Answer {
    fn from(resync: Resync) -> Self {
        match resync {
            Resync::Unchanged => Self::Unchanged { unchanged: true },
            Resync::Changed(state) => Self::State { state },
        }
    }
}

impl From<Welcome> for Answer {
    fn from(welcome: Welcome) -> Self {
        Self::Welcome {
            state: Box::new(welcome.state),
            devices: welcome.devices,
            server_us: welcome.now.as_microsecond(),
            session_expires_at: welcome.session_expires_at,
        }
    }
}

impl Answer {
    /// About how many bytes of state it brings.
    pub(in super::super) fn state_bytes(&self) -> usize {
        match self {
            Self::Welcome { state, .. } | Self::State { state } => state_bytes(state),
            Self::Applied { state: Some(Shared(state)), .. } => state_bytes(state),
            Self::Failure(Failure { state: Some(state), .. }) => state_bytes(state),
            Self::Applied { .. }
            | Self::Noted(_)
            | Self::Unchanged { .. }
            | Self::Refreshed { .. }
            | Self::Failure(_) => 0,
        }
    }

    /// What is left of it when there is no room for a state: the device asks for that again.
    pub(in super::super) fn without_state(self) -> Self {
        match self {
            Self::Welcome { .. } | Self::State { .. } => Self::Failure(Refusal::RateLimited.into()),
            Self::Applied { ok, rev, at_us, .. } => Self::Applied { ok, rev, at_us, state: None },
            Self::Failure(failure) => Self::Failure(Failure { state: None, ..failure }),
            other => other,
        }
    }
}

/// About how long a state is in JSON: its queue makes it long.
pub(in super::super) fn state_bytes(state: &PlaybackState) -> usize {
    const ENTRY: usize = 112;
    const REST: usize = 1024;
    state.queue.len().saturating_mul(ENTRY).saturating_add(REST)
}

/// Either kind of reason becomes an answer.
impl<T: Into<Answer>> From<Result<T, Failure>> for Answer {
    fn from(result: Result<T, Failure>) -> Self {
        result.map_or_else(Self::Failure, Into::into)
    }
}
