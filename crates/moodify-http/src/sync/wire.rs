//! The JSON of the events, as documented in the module above.

use moodify_core::Error;
use moodify_core::model::{
    AppliedCommand, Capabilities, CommandId, Device, DeviceId, DeviceKind, DeviceName, DevicePresence, Epoch,
    Operation, PlaybackState, PlaybackVersion, PositionMs, Timestamp, TrackId,
};
use moodify_core::service::playback::{Outcome, Refusal, Resync, Welcome};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The largest integer that every JSON implementation keeps exactly (RFC 8259, section 6).
const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;

/// The longest explanation of a refused payload, in characters: it may quote the payload.
const MAX_EXPLANATION: usize = 200;

#[derive(Deserialize)]
pub(super) struct Handshake {
    pub token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hello {
    device_id: DeviceId,
    name: DeviceName,
    #[serde(default)]
    kind: DeviceKind,
    #[serde(default)]
    capabilities: Capabilities,
    // What the device has is of no consequence: the answer carries the whole state.
    #[serde(rename = "epoch")]
    _epoch: Option<Epoch>,
    #[serde(rename = "rev")]
    _rev: Option<u64>,
}

impl From<Hello> for Device {
    fn from(hello: Hello) -> Self {
        let Hello { device_id: id, name, kind, capabilities, .. } = hello;
        Self { id, name, kind, capabilities }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandMessage {
    pub command_id: Option<CommandId>,
    pub seq: Option<u64>,
    pub expect: Option<PlaybackVersion>,
    op: String,
    #[serde(default)]
    args: Option<Value>,
}

impl CommandMessage {
    pub(super) fn parse(payload: Value) -> Result<Self, Failure> {
        let message: Self = parse(payload)?;
        if message.seq.is_some_and(|seq| seq > MAX_EXACT_INTEGER) {
            return Err(Failure::invalid("`seq` is too large."));
        }
        Ok(message)
    }

    /// What the command asks for.
    pub(super) fn operation(&mut self) -> Result<Operation, Failure> {
        let args = match self.args.take() {
            None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
            Some(args) => args,
        };
        match self.op.as_str() {
            "play" => parse(args)
                .map(|PlayArgs { track_id, position_ms }| Operation::Play { track_id, position_ms }),
            "pause" => parse(args).map(|NoArgs {}| Operation::Pause),
            "seek" => parse(args).map(|SeekArgs { position_ms }| Operation::Seek { position_ms }),
            _ => Err(Failure::new("unsupported_operation", "This server does not know the operation.")),
        }
    }
}

/// The `seq` of a command of which nothing else may be right: those after it need not wait for it.
pub(super) fn seq_of(payload: &Value) -> Option<u64> {
    payload.get("seq").and_then(Value::as_u64).filter(|seq| *seq <= MAX_EXACT_INTEGER)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlayArgs {
    track_id: Option<TrackId>,
    position_ms: Option<PositionMs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeekArgs {
    position_ms: PositionMs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArgs {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResyncMessage {
    epoch: Option<Epoch>,
    rev: Option<u64>,
}

impl ResyncMessage {
    pub(super) fn known(&self) -> Option<PlaybackVersion> {
        Some(PlaybackVersion { epoch: self.epoch?, rev: self.rev? })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthRefresh {
    pub token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockProbe {
    pub t0: serde_json::Number,
}

/// A payload of this type, from an object: a list of values in the right order would pass as well.
pub(super) fn parse<T: DeserializeOwned>(payload: Value) -> Result<T, Failure> {
    if !payload.is_object() {
        return Err(Failure::invalid("An object is expected."));
    }
    serde_json::from_value(payload).map_err(|why| Failure::invalid(&why.to_string()))
}

#[derive(Serialize)]
pub(super) struct ClockAnswer {
    pub t0: serde_json::Number,
    pub t1: i64,
    pub t2: i64,
}

/// What a message is acknowledged with.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
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
    },
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

/// Why a message was not carried out.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    ok: bool,
    pub code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Box<PlaybackState>>,
}

impl Failure {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { ok: false, code, message: message.into(), state: None }
    }

    pub(super) fn invalid(why: &str) -> Self {
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

impl From<AppliedCommand> for Answer {
    fn from(applied: AppliedCommand) -> Self {
        Self::Applied { ok: true, rev: applied.version.rev, at_us: applied.at_us }
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied(applied) => applied.into(),
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

/// Either kind of reason becomes an answer.
impl<T: Into<Answer>> From<Result<T, Failure>> for Answer {
    fn from(result: Result<T, Failure>) -> Self {
        result.map_or_else(Self::Failure, Into::into)
    }
}
