//! The JSON of the events, as documented in the module above.

mod answer;
mod command;

use std::time::Duration;

use moodify_core::model::{
    Capabilities, CommandId, Device, DeviceId, DeviceKind, DeviceName, Epoch, PlaybackVersion, PositionMs,
};
use moodify_core::service::playback::Report;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(super) use answer::{Answer, Failure, state_bytes};
pub(super) use command::{CommandMessage, OnlySeq, seq_of};

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
pub(super) struct ReportMessage {
    rev: u64,
    position_ms: PositionMs,
    at_us: i64,
}

impl From<ReportMessage> for Report {
    fn from(message: ReportMessage) -> Self {
        let ReportMessage { rev, position_ms, at_us } = message;
        Self { rev, position_ms, at_us }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    pub command_id: Option<CommandId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockProbe {
    pub t0: serde_json::Number,
    rtt_us: Option<u32>,
}

impl ClockProbe {
    /// What the device has measured with the last answer.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.rtt_us.map(|us| Duration::from_micros(us.into()))
    }
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
