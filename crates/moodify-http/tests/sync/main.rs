//! The Socket.IO endpoint through a real server and the official client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "../../../../examples/server/tests/js/device.rs"]
mod device;
mod operations;
mod reports;
mod stage;

use moodify_core::config::PlaybackConfig;
use serde_json::{Value, json};

use device::{Device, is_available};
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

#[tokio::test(flavor = "multi_thread")]
async fn what_one_device_does_the_listeners_others_follow() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = introduced(&stage, "ada/two", "speaker").await;
    let mut stranger = introduced(&stage, "bob/one", "phone").await;

    let ack = phone.emit("command", play("c1")).await;
    assert_eq!((&ack["ok"], &ack["rev"]), (&json!(true), &json!(1)));
    let state = speaker.event("state").await;
    assert_eq!((&state["rev"], &state["at_us"]), (&ack["rev"], &ack["at_us"]));
    assert_eq!(state["queue"][0]["track_id"], TRACK);
    assert_eq!((&state["index"], &state["playing"]), (&json!(0), &json!(true)));
    assert_eq!(state["cause"], json!({ "command_id": "c1", "device_id": "phone" }));
    let now = stage.playback.context().now().as_microsecond();
    let due = state["at_us"].as_i64().unwrap();
    assert!(due > now - 20_000_000 && due < now + 150_000, "{due} is not near {now}");

    let ack = speaker.emit("command", json!({ "op": "seek", "args": { "position_ms": 42_000 } })).await;
    assert_eq!(ack["rev"], 2);
    let state = phone.event("state").await;
    assert_eq!((&state["rev"], &state["position_ms"]), (&json!(2), &json!(42_000)));

    let ack = phone.emit("command", json!({ "op": "pause" })).await;
    let state = speaker.event("state").await;
    assert_eq!((&state["rev"], &state["playing"]), (&ack["rev"], &json!(false)));

    // A hint that strayed would have come before this answer.
    let answer = stranger.emit("resync", json!({})).await;
    assert_eq!((&answer["state"]["rev"], &answer["state"]["queue"]), (&json!(0), &json!([])));
    assert_eq!(stranger.heard("state"), [] as [Value; 0]);
    assert_eq!(stranger.heard("presence"), [] as [Value; 0]);
    assert_eq!(phone.heard("state"), [] as [Value; 0], "nobody hears itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_scheduled() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let before = stage.playback.context().now().as_microsecond();
    let ack = phone.emit("command", play("c1")).await;
    let after = stage.playback.context().now().as_microsecond();
    let at = ack["at_us"].as_i64().unwrap();
    assert!((before + 150_000..=after + 150_000).contains(&at));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simplest_client_stays_simple() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut listening = Device::connected(&stage.url, "ada/one").await;
    let mut playing = Device::connected(&stage.url, "ada/one").await;
    playing.send("command", json!({ "op": "play", "args": { "track_id": TRACK } })).await;
    let state = listening.event("state").await;
    assert_eq!((&state["rev"], &state["cause"]["device_id"]), (&json!(1), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_says_before_it_goes_counts() {
    device_or_skip!();
    let stage = Stage::with(PlaybackConfig { messages_per_second: 0, ..PlaybackConfig::default() }).await;
    let mut speaker = introduced(&stage, "ada/one", "speaker").await;
    let mut phone = introduced(&stage, "ada/two", "phone").await;
    phone.send_and_leave("command", json!({ "op": "pause" }), 200).await;
    while speaker.event("presence").await["online"] == true {}
    assert_eq!(speaker.emit("resync", json!({})).await["state"]["rev"], 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_polling_works_as_well() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = Device::start();
    let options = json!({ "transports": ["polling"] });
    phone.connect_with(json!({ "url": stage.url, "token": "ada/one", "options": options })).await.unwrap();
    let mut speaker = Device::start();
    let options = json!({ "transports": ["websocket"] });
    speaker.connect_with(json!({ "url": stage.url, "token": "ada/one", "options": options })).await.unwrap();
    for (n, by_phone) in [true, false, true, false].into_iter().enumerate() {
        let (sender, receiver) =
            if by_phone { (&mut phone, &mut speaker) } else { (&mut speaker, &mut phone) };
        let ack = sender.emit("command", play(&format!("c{n}"))).await;
        assert_eq!(receiver.event("state").await["rev"], ack["rev"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_tells_all_and_presence_tells_the_others() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = Device::connected(&stage.url, "ada/two").await;
    let welcome = speaker.emit("hello", hello("speaker")).await;
    assert_eq!(welcome["state"]["rev"], 0);
    let devices: Vec<_> = welcome["devices"].as_array().unwrap().iter().map(|d| &d["device_id"]).collect();
    assert_eq!(devices, ["phone", "speaker"]);
    let now = stage.playback.context().now().as_microsecond();
    assert!((now - welcome["server_us"].as_i64().unwrap()).abs() < 20_000_000);
    assert!(welcome["session_expires_at"].as_str().unwrap().ends_with('Z'));

    let presence = phone.event("presence").await;
    let said = ["device_id", "name", "kind", "online"].map(|key| presence[key].clone());
    assert_eq!(said, [json!("speaker"), json!("Ada's speaker"), json!("phone"), json!(true)]);
    speaker.disconnect().await;
    let presence = phone.event("presence").await;
    assert_eq!((&presence["device_id"], &presence["online"]), (&json!("speaker"), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn resync_sends_the_state_only_when_it_is_another() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let old = phone.emit("resync", json!({})).await["state"].clone();
    phone.emit("command", play("c1")).await;
    let changed = phone.emit("resync", json!({ "epoch": old["epoch"], "rev": old["rev"] })).await;
    assert_eq!(changed["state"]["rev"], 1);
    let unchanged = phone.emit("resync", json!({ "epoch": old["epoch"], "rev": 1 })).await;
    assert_eq!(unchanged, json!({ "unchanged": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_expectation_is_refused_with_the_state() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let epoch = phone.emit("resync", json!({})).await["state"]["epoch"].clone();
    phone.emit("command", play("c1")).await;
    let mut pause = json!({ "command_id": "c2", "op": "pause", "expect": { "epoch": epoch, "rev": 0 } });
    let refused = phone.emit("command", pause.clone()).await;
    assert_eq!((&refused["ok"], &refused["code"]), (&json!(false), &json!("stale")));
    assert_eq!(refused["state"]["rev"], 1);
    pause["expect"]["rev"] = json!(1);
    assert_eq!(phone.emit("command", pause).await["rev"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_is_answered_not_applied() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = introduced(&stage, "ada/two", "speaker").await;
    let mut command = play("c1");
    command["seq"] = json!(1);
    let first = phone.emit("command", command.clone()).await;
    assert_eq!(phone.emit("command", command.clone()).await, first, "also when its turn is over");
    assert_eq!(speaker.emit("command", command.clone()).await, first, "also through another socket");
    command["command_id"] = json!("c2");
    assert_eq!(phone.emit("command", command).await["code"], "sequence_passed");
    assert_eq!(speaker.event("state").await["rev"], 1);
    assert_eq!(phone.emit("resync", json!({})).await["state"]["rev"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_commands_are_applied_in_order() {
    device_or_skip!();
    let stage = Stage::with(PlaybackConfig { messages_per_second: 0, ..PlaybackConfig::default() }).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    phone.emit("command", play("start")).await;
    let seeks: Vec<_> = (1..=500)
        .map(|n| json!({ "command_id": format!("c{n}"), "seq": n, "op": "seek", "args": { "position_ms": n } }))
        .collect();
    // Twice the queue's room: sent in halves.
    let mut acks = Vec::new();
    for half in seeks.chunks(250) {
        acks.extend(phone.emit_all(half.iter().map(|seek| ("command", seek.clone()))).await);
    }
    let revs: Vec<_> = acks.iter().map(|ack| ack["rev"].as_u64().unwrap_or_default()).collect();
    assert_eq!(revs, (2..=501).collect::<Vec<_>>());
    assert_eq!(phone.emit("resync", json!({})).await["state"]["position_ms"], 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_wait_for_those_before_them_but_not_for_ever() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    phone.emit("command", play("start")).await;
    let seek = |seq: u64| {
        (
            "command",
            json!({ "command_id": format!("c{seq}"), "seq": seq, "op": "seek", "args": { "position_ms": seq } }),
        )
    };
    let acks = phone.emit_all([seek(1), seek(4), seek(2), seek(3)]).await;
    assert_eq!(acks.iter().map(|ack| &ack["rev"]).collect::<Vec<_>>(), [2, 5, 3, 4]);
    let acks = phone.emit_all([seek(5), seek(7)]).await;
    assert_eq!((&acks[0]["rev"], &acks[1]["code"]), (&json!(6), &json!("sequence_gap")));
    assert_eq!(phone.emit("command", seek(8).1).await["rev"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_commands_are_refused_and_hold_nothing_up() {
    device_or_skip!();
    let stage = Stage::with(PlaybackConfig { messages_per_second: 5, ..PlaybackConfig::default() }).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let commands = (1..=40).map(|n| ("command", json!({ "seq": n, "op": "pause" })));
    let acks = phone.emit_all(commands).await;
    let applied = acks.iter().filter(|ack| ack["ok"] == true).count();
    let limited = acks.iter().filter(|ack| ack["code"] == "rate_limited").count();
    assert!((5..40).contains(&applied), "{applied}");
    assert_eq!(applied + limited, 40);
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
    let (invalid, too_large) = ("invalid_payload", "message_too_large");
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
        ("command", json!([{ "op": "pause", "args": { "x": "y".repeat(70_000) } }]), too_large),
        ("resync", json!([{ "epoch": "y".repeat(70_000) }]), too_large),
        ("clock", json!([{ "t0": 1, "x": "y".repeat(70_000) }]), too_large),
        ("clock", json!([{ "t0": { "$bytes": 65_000 }, "x": "y".repeat(1_000) }]), too_large),
        ("hello", json!([hello(json!({ "name": "y".repeat(70_000) }))]), too_large),
        ("report", json!([{ "rev": 1, "position_ms": 1, "at_us": "y".repeat(70_000) }]), too_large),
        ("ready", json!([{ "command_id": "y".repeat(70_000) }]), too_large),
        ("auth_refresh", json!([{ "token": "y".repeat(70_000) }]), too_large),
        ("auth_refresh", json!([{ "token": { "$bytes": 65_000 }, "x": "y".repeat(1_000) }]), too_large),
        ("auth_refresh", json!([{ "token": { "$bytes": 1_000 } }]), invalid),
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

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_lives_as_long_as_its_token() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut renewed = Device::connected(&stage.url, "ada/one/3000").await;
    let answer = renewed.emit("auth_refresh", json!({ "token": "ada/one" })).await;
    assert!(answer["session_expires_at"].is_string());
    let mut expired = Device::connected(&stage.url, "ada/one/1000").await;
    assert_eq!(expired.event("disconnect").await, "io server disconnect");
    let mut late = Device::connected(&stage.url, "ada/one/3000").await;
    assert_eq!(late.event("disconnect").await, "io server disconnect");
    assert_eq!(renewed.emit("command", json!({ "op": "pause" })).await["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_answers_at_once() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = Device::connected(&stage.url, "ada/one").await;
    for t0 in [json!(1_792_000_000_000_000_i64), json!(12.5), json!(-1)] {
        let before = stage.playback.context().now().as_microsecond();
        let answer = phone.emit("clock", json!({ "t0": t0 })).await;
        let after = stage.playback.context().now().as_microsecond();
        let (t1, t2) = (answer["t1"].as_i64().unwrap(), answer["t2"].as_i64().unwrap());
        assert_eq!(answer["t0"], t0);
        assert!(before <= t1 && t1 <= t2 && t2 <= after);
    }
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
    let mut devices =
        [introduced(&stage, "ada/one", "phone").await, Device::connected(&stage.url, "bob/one").await];
    let closing = tokio::time::timeout(Stage::PATIENCE, stage.handle.close(Stage::PATIENCE * 2)).await;
    assert!(closing.is_ok(), "sessions are still there");
    for device in &mut devices {
        device.event("disconnect").await;
    }
    assert!(Device::start().connect(&stage.url, "ada/one").await.is_err());
}
