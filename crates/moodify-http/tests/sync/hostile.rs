//! What no honest device would send.

use moodify_core::config::PlaybackConfig;
use serde_json::{Value, json};

use super::device::{Device, is_available};
use super::stage::Stage;
use super::{TRACK, device_or_skip, hello, introduced};

#[tokio::test(flavor = "multi_thread")]
async fn hostile_payloads_get_a_code_and_change_nothing() {
    device_or_skip!();
    let config = PlaybackConfig { messages_per_second: 0, ..PlaybackConfig::default() };
    let stage = Stage::with(config).await;
    let mut phone = Device::connected(&stage.url, "ada/one").await;
    let nested = (0..100).fold(json!(1), |inner, _| json!({ "a": inner }));
    let long = "x".repeat(50_000);
    let command = |fields: Value| {
        let mut command = json!({ "op": "pause" });
        command.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        command
    };
    let hello = |fields: Value| {
        let mut hello = hello("phone");
        hello.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        hello
    };
    let invalid = "invalid_payload";
    let cases = [
        ("command", json!([]), invalid),
        ("command", json!([null]), invalid),
        ("command", json!(["play"]), invalid),
        ("command", json!([42]), invalid),
        ("command", json!([[]]), invalid),
        ("command", json!([{}]), invalid),
        ("command", json!([nested]), invalid),
        ("command", json!([command(json!({ "op": 1 }))]), invalid),
        ("command", json!([command(json!({ "op": { "$ne": null } }))]), invalid),
        ("command", json!([command(json!({ "op": "constructor" }))]), "unsupported_operation"),
        ("command", json!([command(json!({ "op": "Next" }))]), "unsupported_operation"),
        ("command", json!([command(json!({ "op": "next" }))]), "nothing_to_play"),
        ("command", json!([command(json!({ "op": "previous" }))]), "nothing_to_play"),
        ("command", json!([{ "op": "next", "args": { "ended": "yes" } }]), invalid),
        ("command", json!([{ "op": "play", "args": { "track_id": TRACK, "entry_id": TRACK } }]), invalid),
        ("command", json!([{ "op": "play", "args": { "entry_id": TRACK } }]), "unknown_entry"),
        ("command", json!([{ "op": "set_queue" }]), invalid),
        ("command", json!([{ "op": "set_queue", "args": { "track_ids": TRACK } }]), invalid),
        ("command", json!([{ "op": "set_queue", "args": { "track_ids": [1] } }]), invalid),
        ("command", json!([{ "op": "set_queue", "args": { "track_ids": [TRACK], "index": -1 } }]), invalid),
        (
            "command",
            json!([{ "op": "set_queue", "args": { "track_ids": [TRACK], "index": 1 } }]),
            "out_of_range",
        ),
        ("command", json!([{ "op": "queue_add", "args": { "track_ids": [] } }]), invalid),
        (
            "command",
            json!([{ "op": "queue_add", "args": { "track_ids": [TRACK], "position": "first" } }]),
            invalid,
        ),
        (
            "command",
            json!([{ "op": "queue_add", "args": { "track_ids": [TRACK], "position": 1 } }]),
            "out_of_range",
        ),
        ("command", json!([{ "op": "queue_remove", "args": { "entry_ids": [] } }]), invalid),
        ("command", json!([{ "op": "queue_remove", "args": { "entry_ids": [TRACK] } }]), "unknown_entry"),
        ("command", json!([{ "op": "queue_move", "args": { "entry_id": TRACK } }]), invalid),
        (
            "command",
            json!([{ "op": "queue_move", "args": { "entry_id": TRACK, "index": 0 } }]),
            "unknown_entry",
        ),
        ("command", json!([{ "op": "set_rate", "args": { "rate": 0 } }]), invalid),
        ("command", json!([{ "op": "set_rate", "args": { "rate": 2.5 } }]), invalid),
        ("command", json!([{ "op": "set_rate", "args": { "rate": "1" } }]), invalid),
        ("command", json!([{ "op": "set_repeat", "args": { "repeat": "twice" } }]), invalid),
        ("command", json!([{ "op": "set_shuffle", "args": { "shuffle": 1 } }]), invalid),
        ("command", json!([{ "op": "set_volume", "args": { "volume": 101 } }]), invalid),
        ("command", json!([{ "op": "set_volume", "args": { "volume": 5 } }]), "unknown_device"),
        (
            "command",
            json!([{ "op": "set_volume", "args": { "volume": 5, "device_id": "bobs" } }]),
            "unknown_device",
        ),
        ("command", json!([{ "op": "transfer" }]), invalid),
        ("command", json!([{ "op": "transfer", "args": { "device_id": "bobs" } }]), "device_offline"),
        ("command", json!([{ "op": "pause", "args": { "x": "y".repeat(70_000) } }]), "message_too_large"),
        ("resync", json!([{ "epoch": "y".repeat(70_000) }]), "message_too_large"),
        ("report", json!([]), invalid),
        ("report", json!([{ "rev": 1, "position_ms": -1, "at_us": 0 }]), invalid),
        ("report", json!([{ "rev": 1, "position_ms": 1, "at_us": "now" }]), invalid),
        ("ready", json!([]), invalid),
        ("ready", json!([{}]), "no_transfer"),
        ("ready", json!([{ "command_id": "a b" }]), invalid),
        ("clock", json!([{ "t0": 1, "rtt_us": -1 }]), invalid),
        ("command", json!([command(json!({ "op": long }))]), "unsupported_operation"),
        ("command", json!([command(json!({ "unknown": 1 }))]), invalid),
        ("command", json!([command(json!({ "args": [] }))]), invalid),
        ("command", json!([command(json!({ "args": { "x": 1 } }))]), invalid),
        ("command", json!([command(json!({ "seq": -1 }))]), invalid),
        ("command", json!([command(json!({ "seq": 1.5 }))]), invalid),
        ("command", json!([command(json!({ "seq": 9_007_199_254_740_992_u64 }))]), invalid),
        ("command", json!([command(json!({ "command_id": "" }))]), invalid),
        ("command", json!([command(json!({ "command_id": "a\u{0}b" }))]), invalid),
        ("command", json!([command(json!({ "command_id": long }))]), invalid),
        ("command", json!([command(json!({ "expect": { "epoch": "x", "rev": 0 } }))]), invalid),
        ("command", json!([command(json!({ "expect": { "rev": 0 } }))]), invalid),
        ("command", json!([{ "op": "seek" }]), invalid),
        ("command", json!([{ "op": "seek", "args": { "position_ms": -1 } }]), invalid),
        ("command", json!([{ "op": "seek", "args": { "position_ms": 4_294_967_296_u64 } }]), invalid),
        ("command", json!([{ "op": "seek", "args": { "position_ms": "1" } }]), invalid),
        ("command", json!([{ "op": "seek", "args": { "position_ms": 1 } }]), "nothing_to_play"),
        ("command", json!([{ "op": "play", "args": { "track_id": "../etc" } }]), invalid),
        ("command", json!([{ "op": "play" }]), "nothing_to_play"),
        ("hello", json!([]), invalid),
        ("hello", json!([{}]), invalid),
        ("hello", json!([hello(json!({ "device_id": "" }))]), invalid),
        ("hello", json!([hello(json!({ "device_id": "a/b" }))]), invalid),
        ("hello", json!([hello(json!({ "device_id": "x".repeat(65) }))]), invalid),
        ("hello", json!([hello(json!({ "name": "\u{202E}" }))]), invalid),
        ("hello", json!([hello(json!({ "name": "a\r\nb" }))]), invalid),
        ("hello", json!([hello(json!({ "name": long }))]), invalid),
        ("hello", json!([hello(json!({ "kind": 7 }))]), invalid),
        ("hello", json!([hello(json!({ "capabilities": "audio" }))]), invalid),
        (
            "hello",
            json!([hello(json!({ "capabilities": (0..40).map(|n| n.to_string()).collect::<Vec<_>>() }))]),
            invalid,
        ),
        ("hello", json!([hello(json!({ "user": "bob" }))]), invalid),
        ("resync", json!(["x"]), invalid),
        ("resync", json!([{ "epoch": 1 }]), invalid),
        ("resync", json!([{ "rev": -1 }]), invalid),
        ("clock", json!([]), invalid),
        ("clock", json!([{ "t0": "now" }]), invalid),
        ("auth_refresh", json!([{}]), invalid),
        ("auth_refresh", json!([{ "token": "nonsense" }]), "invalid_token"),
        ("auth_refresh", json!([{ "token": "bob/one" }]), "other_account"),
        ("join", json!([{ "room": "user:bob" }]), "unknown_event"),
        ("__proto__", json!([{}]), "unknown_event"),
        ("", json!([]), "unknown_event"),
    ];
    for (event, args, code) in cases {
        let ack = phone.emit_args(event, args.clone()).await;
        let ack = ack.unwrap_or_else(|why| panic!("{event} {args:.100}: {why}"));
        assert_eq!((&ack["ok"], &ack["code"]), (&json!(false), &json!(code)), "{event} {args:.100}");
        assert!(ack["message"].as_str().unwrap().chars().count() <= 200, "{event}");
        // Without an acknowledgement wanted, it is just dropped.
        phone.send(event, args[0].clone()).await;
    }
    let state = &phone.emit("resync", json!({})).await["state"];
    assert_eq!((&state["rev"], &state["queue"]), (&json!(0), &json!([])));
    let devices = phone.emit("hello", hello(json!({}))).await["devices"].clone();
    assert_eq!(devices.as_array().unwrap().len(), 1, "no other hello has left a device");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_far_over_the_limit_ends_its_socket_only() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut neighbour = introduced(&stage, "ada/one", "neighbour").await;
    for transport in ["websocket", "polling"] {
        let mut phone = Device::start();
        let options = json!({ "transports": [transport] });
        phone
            .connect_with(json!({ "url": stage.url, "token": "ada/two", "options": options }))
            .await
            .unwrap();
        phone.send("command", json!({ "op": "x".repeat(300_000) })).await;
        phone.event("disconnect").await;
        assert_eq!(neighbour.emit("command", json!({ "op": "pause" })).await["ok"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_handshake_says_why() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut device = Device::start();
    for (auth, code) in [
        (json!({}), "unauthorized"),
        (json!({ "token": "" }), "unauthorized"),
        (json!({ "token": "nonsense" }), "unauthorized"),
        (json!({ "token": null }), "unauthorized"),
        (json!({ "token": { "$ne": null } }), "unauthorized"),
        (json!({ "token": ["ada/one"] }), "unauthorized"),
        (json!({ "token": "x".repeat(50_000) }), "unauthorized"),
        (json!({ "token": "ada/one/0" }), "token_expired"),
    ] {
        let refused = device.connect_with(json!({ "url": stage.url, "auth": auth })).await;
        assert_eq!(refused, Err(code.to_owned()), "{auth}");
    }
    assert_eq!(device.connect(&stage.url, "ada/one").await, Ok(()));
}
