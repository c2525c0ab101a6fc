//! What devices say of themselves: where they are, and how far away.

use std::time::Duration;

use moodify_core::config::PlaybackConfig;
use moodify_core::model::event::AccountDeleted;
use moodify_core::model::{EventKind, EventPayload};
use moodify_core::port::{Consumer, Queue};
use serde_json::{Value, json};

use super::device::{Device, is_available};
use super::stage::{Commands, Stage, id};
use super::{TRACK, device_or_skip, hello, introduced};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_becomes_a_play() {
    device_or_skip!();
    let stage = Stage::new().await;
    let plays = Consumer { name: "music", kinds: vec![EventKind::PlayReported] };
    stage.queue.declare(&plays).await.unwrap();
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let play = json!({ "op": "play", "args": { "track_id": TRACK } });
    let mut state = phone.emit("command", play.clone()).await["state"].clone();
    let began = state["at_us"].as_i64().unwrap();
    // What the device says is bounded by the time that has passed.
    for _ in 0..8 {
        stage.pass(Duration::from_millis(900));
        let now = stage.now_us();
        let position_ms = (now - began) / 1_000;
        let report = json!({ "rev": state["rev"], "position_ms": position_ms, "at_us": now });
        assert_eq!(
            phone.emit("report", report).await,
            json!({ "epoch": state["epoch"], "rev": state["rev"] })
        );
    }
    let play_id = state["play_id"].clone();
    state = phone.emit("command", play).await["state"].clone();
    assert_ne!(state["play_id"], play_id, "the next run");

    let now = stage.playback.context().now();
    let mut found = Vec::new();
    for _ in 0..200 {
        found = stage.queue.receive("music", 10, now + Stage::PATIENCE, Stage::PATIENCE).await.unwrap();
        if !found.is_empty() {
            break;
        }
        stage.playback.context().clock.sleep(Duration::from_millis(10)).await;
    }
    let [delivery] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(delivery.event.trace, Some(Commands::place()), "of the command that ended it");
    let EventPayload::PlayReported(play) = &delivery.event.payload else { panic!("{delivery:?}") };
    assert_eq!(json!(play.play_id), play_id);
    assert_eq!(json!(play.device_id), json!("phone"));
    let passed = (now.as_microsecond() - began) / 1_000;
    assert!((6_000..=passed).contains(&play.played_ms.into()), "{play:?} in {passed} ms");
    assert_eq!(stage.skews(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_another_state_tells_what_was_missed() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = introduced(&stage, "ada/two", "speaker").await;
    phone.emit("command", json!({ "op": "play", "args": { "track_id": TRACK } })).await;
    let answer = speaker.emit("report", json!({ "rev": 0, "position_ms": 0, "at_us": 0 })).await;
    assert_eq!(answer["rev"], 1);
    assert_eq!(stage.skews(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_the_slowest_line_but_not_for_ever() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    for (rtt_us, lead) in [(10_000, 150_000), (400_000, 800_000), (60_000_000, 2_000_000), (1_000, 150_000)] {
        phone.emit("clock", json!({ "t0": 1, "rtt_us": rtt_us })).await;
        let before = stage.now_us();
        let ack = phone.emit("command", json!({ "op": "play", "args": { "track_id": TRACK } })).await;
        let at = ack["at_us"].as_i64().unwrap();
        assert!((before + lead..=stage.now_us() + lead).contains(&at), "{rtt_us}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_loses_its_sockets_and_its_state() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut devices =
        [introduced(&stage, "ada/one", "phone").await, introduced(&stage, "ada/two", "speaker").await];
    let mut neighbour = introduced(&stage, "bob/one", "phone").await;
    devices[0].emit("command", json!({ "op": "play", "args": { "track_id": TRACK } })).await;
    let deleted = AccountDeleted { account_id: id("ada"), artist_id: None };
    stage.playback.account_deleted(&deleted).await.unwrap();
    for device in &mut devices {
        assert_eq!(device.event("disconnect").await, "io server disconnect");
    }
    assert_eq!(neighbour.emit("command", json!({ "op": "pause" })).await["ok"], true);
    // Its access token still says that it is good.
    assert_eq!(Device::start().connect(&stage.url, "ada/one").await, Err("unauthorized".to_owned()));
    assert_eq!(stage.store().load(id("ada")).await.unwrap(), None);
    assert_eq!(stage.store().devices(id("ada")).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_session_does_not_come_back_with_the_same_token() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut other = introduced(&stage, "ada/two", "speaker").await;
    stage.revoke("ada", "one").await;
    phone.event("disconnect").await;
    assert_eq!(phone.connect(&stage.url, "ada/one").await, Err("unauthorized".to_owned()));
    let refused = other.emit("auth_refresh", json!({ "token": "ada/one" })).await;
    assert_eq!(refused["code"], "invalid_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_online_for_as_long_as_one_of_its_sockets() {
    device_or_skip!();
    let stage = Stage::with(PlaybackConfig::default()).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut first = introduced(&stage, "ada/two", "web").await;
    let mut second = introduced(&stage, "ada/two", "web").await;
    first.disconnect().await;
    let online = |devices: &Value| {
        let devices = devices.as_array().unwrap().iter();
        devices
            .filter(|device| device["online"] == true)
            .map(|device| device["device_id"].clone())
            .collect::<Vec<_>>()
    };
    let welcome = phone.emit("hello", hello("phone")).await;
    assert_eq!(online(&welcome["devices"]), ["phone", "web"]);
    second.disconnect().await;
    while phone.event("presence").await["online"] == true {}
    let welcome = phone.emit("hello", hello("phone")).await;
    assert_eq!(online(&welcome["devices"]), ["phone"]);
}
