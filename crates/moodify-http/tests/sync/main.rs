//! The Socket.IO endpoint through a real server and the official client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod commands;
#[path = "../../../../examples/server/tests/js/device.rs"]
mod device;
mod following;
mod hostile;
mod leaving;
mod operations;
mod reports;
mod stage;

use serde_json::{Value, json};

use device::Device;
use stage::Stage;

const TRACK: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn hello(device: &str) -> Value {
    json!({ "device_id": device, "name": format!("Ada's {device}"), "kind": "phone", "capabilities": ["audio"] })
}

fn play(command: &str) -> Value {
    json!({ "command_id": command, "op": "play", "args": { "track_id": TRACK } })
}

/// Ends the test here where the device cannot run.
macro_rules! device_or_skip {
    () => {
        if !is_available() {
            return;
        }
    };
}

use device_or_skip;

async fn introduced(stage: &Stage, token: &str, name: &str) -> Device {
    let mut device = Device::connected(&stage.url, token).await;
    let welcome = device.emit("hello", hello(name)).await;
    assert_eq!(welcome["devices"].as_array().unwrap().iter().filter(|d| d["device_id"] == name).count(), 1);
    device
}
