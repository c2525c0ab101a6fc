//! A door for the fuzz targets in `fuzz/`, and in no other build: what a socket does with a payload
//! before the services see it.

use moodify_core::model::{Command, CommandId};
use serde_json::Value;
use uuid::Uuid;

use super::wire::{self, parse};

/// Reads a payload as each kind of message. Returns the command, if it is one.
pub fn read(payload: &Value) -> Option<Command> {
    let _ = parse::<wire::Handshake>(payload.clone());
    let _ = parse::<wire::Hello>(payload.clone());
    let _ = parse::<wire::ResyncMessage>(payload.clone());
    let _ = parse::<wire::AuthRefresh>(payload.clone());
    let _ = parse::<wire::ReportMessage>(payload.clone());
    let _ = parse::<wire::Ready>(payload.clone());
    let _ = parse::<wire::ClockProbe>(payload.clone());
    let mut message = wire::CommandMessage::parse(payload.clone()).ok()?;
    let operation = message.operation().ok()?;
    let id = message.command_id.unwrap_or_else(|| CommandId::from(Uuid::nil()));
    Some(Command { id, expect: message.expect, operation })
}
