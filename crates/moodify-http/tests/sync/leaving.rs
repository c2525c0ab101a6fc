//! Sockets that are let go.

use moodify_core::config::PlaybackConfig;
use serde_json::json;

use super::device::{Device, is_available};
use super::stage::Stage;
use super::{device_or_skip, hello, introduced, play};

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_session_loses_its_sockets_only() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut revoked = introduced(&stage, "ada/one", "phone").await;
    let mut nameless = Device::connected(&stage.url, "ada/one").await;
    let mut other = introduced(&stage, "ada/two", "speaker").await;
    let mut namesake = Device::connected(&stage.url, "bob/one").await;
    stage.revoke("ada", "one").await;
    assert_eq!(revoked.event("disconnect").await, "io server disconnect");
    assert_eq!(nameless.event("disconnect").await, "io server disconnect");
    let presence = other.event("presence").await;
    assert_eq!((&presence["device_id"], &presence["online"]), (&json!("phone"), &json!(false)));
    for device in [&mut other, &mut namesake] {
        assert_eq!(device.emit("command", json!({ "op": "pause" })).await["ok"], true);
    }
}

/// A device that got a new token before its first one, good for so many milliseconds, had expired.
async fn renewed(stage: &Stage) -> (Device, u64) {
    let mut life_ms = 500;
    loop {
        let mut device = Device::connected(&stage.url, &format!("ada/one/{life_ms}")).await;
        let answer = device.emit_args("auth_refresh", json!([{ "token": "ada/one" }])).await;
        if let Ok(answer) = answer {
            assert!(answer["session_expires_at"].is_string(), "{answer}");
            return (device, life_ms);
        }
        // This machine is slower than that.
        life_ms *= 4;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_lives_as_long_as_its_token() {
    device_or_skip!();
    let stage = Stage::new().await;
    let (mut renewed, life_ms) = renewed(&stage).await;
    let mut expired = Device::connected(&stage.url, &format!("ada/one/{life_ms}")).await;
    assert_eq!(expired.event("disconnect").await, "io server disconnect");
    // Its first token was older.
    assert_eq!(renewed.emit("command", json!({ "op": "pause" })).await["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_beyond_the_limit_is_refused() {
    device_or_skip!();
    let stage = Stage::with(PlaybackConfig { max_devices: 1, ..PlaybackConfig::default() }).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut second = Device::connected(&stage.url, "ada/one").await;
    assert_eq!(second.emit("hello", hello("second")).await["code"], "too_many_devices");
    let refused = Device::start().connect(&stage.url, "ada/one").await;
    assert_eq!(refused, Err("too_many_devices".to_owned()));
    phone.disconnect().await;
    second.event("presence").await;
    assert_eq!(second.emit("hello", hello("second")).await["devices"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_does_not_read_is_let_go_and_catches_up() {
    device_or_skip!();
    let stage = Stage::with(PlaybackConfig { messages_per_second: 0, ..PlaybackConfig::default() }).await;
    // Many well-described devices make long answers, which fill the buffers of both systems.
    let mut slow = Device::start();
    let capabilities: Vec<_> = (0..32).map(|n| format!("{n:032}")).collect();
    for n in 0..18 {
        slow.connect(&stage.url, "ada/one").await.unwrap();
        let mut hello = hello(&format!("shelf-{n}"));
        hello["capabilities"] = json!(capabilities);
        slow.emit("hello", hello).await;
    }
    let options = json!({ "transports": ["websocket"] });
    slow.connect_with(json!({ "url": stage.url, "token": "ada/one", "options": options })).await.unwrap();
    slow.emit("hello", hello("slow")).await;
    let mut phone = introduced(&stage, "ada/two", "phone").await;
    phone.heard("presence");

    slow.stall_and_flood("hello", hello("slow"), 20_000).await;
    loop {
        let presence = phone.event("presence").await;
        if presence["device_id"] == "slow" && presence["online"] == false {
            break;
        }
    }

    let ack = phone.emit("command", play("c1")).await;
    slow.connect(&stage.url, "ada/one").await.unwrap();
    assert_eq!(slow.emit("resync", json!({})).await["state"]["rev"], ack["rev"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_endpoint_lets_everybody_go() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut devices = [Device::start(), Device::start()];
    // One transport each: a client that is told to go between two of them waits for its own heartbeat.
    for (device, transport) in devices.iter_mut().zip(["websocket", "polling"]) {
        let options = json!({ "transports": [transport] });
        device
            .connect_with(json!({ "url": stage.url, "token": "ada/one", "options": options }))
            .await
            .unwrap();
    }
    let closing = tokio::time::timeout(Stage::PATIENCE, stage.handle.close(Stage::PATIENCE * 2)).await;
    assert!(closing.is_ok(), "sessions are still there");
    for device in &mut devices {
        device.event("disconnect").await;
    }
    assert!(Device::start().connect(&stage.url, "ada/one").await.is_err());
}
