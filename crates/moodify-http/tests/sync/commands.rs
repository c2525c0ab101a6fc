//! Commands come in an order, once, and not too many at a time.

use std::time::Duration;

use moodify_core::config::PlaybackConfig;
use serde_json::{Value, json};

use super::device::{Device, is_available};
use super::stage::Stage;
use super::{device_or_skip, introduced, play};

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

fn seek(seq: u64) -> (&'static str, Value) {
    let args = json!({ "position_ms": seq });
    ("command", json!({ "command_id": format!("c{seq}"), "seq": seq, "op": "seek", "args": args }))
}

/// Waiting so long for those before it.
async fn patient(sequence_wait: Duration) -> (Stage, Device) {
    let stage = Stage::with(PlaybackConfig { sequence_wait, ..PlaybackConfig::default() }).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    phone.emit("command", play("start")).await;
    (stage, phone)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_wait_for_those_before_them() {
    device_or_skip!();
    let (_stage, mut phone) = patient(Duration::from_secs(3_600)).await;
    let acks = phone.emit_all([seek(1), seek(4), seek(2), seek(3)]).await;
    assert_eq!(acks.iter().map(|ack| &ack["rev"]).collect::<Vec<_>>(), [2, 5, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_do_not_wait_for_ever() {
    device_or_skip!();
    let (_stage, mut phone) = patient(Duration::from_millis(200)).await;
    let acks = phone.emit_all([seek(5), seek(7)]).await;
    assert_eq!((&acks[0]["rev"], &acks[1]["code"]), (&json!(2), &json!("sequence_gap")));
    assert_eq!(phone.emit("command", seek(8).1).await["rev"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_commands_are_refused_and_hold_nothing_up() {
    device_or_skip!();
    // Earned back so slowly that no machine takes long enough to earn all of them.
    let stage = Stage::with(PlaybackConfig { messages_per_second: 1, ..PlaybackConfig::default() }).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let commands = (1..=200).map(|n| ("command", json!({ "seq": n, "op": "pause" })));
    let acks = phone.emit_all(commands).await;
    let applied = acks.iter().filter(|ack| ack["ok"] == true).count();
    let limited = acks.iter().filter(|ack| ack["code"] == "rate_limited").count();
    assert!((1..200).contains(&applied), "{applied}");
    assert_eq!(applied + limited, 200);
}
