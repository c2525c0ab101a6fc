//! What one listener's sockets may take together, and what becomes of those that do not care.

use std::sync::Arc;
use std::time::Duration;

use moodify_core::config::PlaybackConfig;
use moodify_core::memory::FixedClock;
use serde_json::{Value, json};

use super::TRACK;
use super::line::Line;
use super::stage::Stage;

/// A server whose time stands still: nothing that is spent is earned back.
async fn timeless(messages_per_second: u32) -> (Stage, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::default());
    let config = PlaybackConfig { messages_per_second, ..PlaybackConfig::default() };
    (Stage::on(clock.clone(), config).await, clock)
}

fn long_queue() -> Value {
    json!({ "op": "set_queue", "args": { "track_ids": vec![TRACK; 1_400] } })
}

fn repeat(mode: &str) -> Value {
    json!({ "op": "set_repeat", "args": { "repeat": mode } })
}

#[tokio::test]
async fn a_transport_keeps_its_place_until_it_is_closed() {
    let stage = Stage::with(PlaybackConfig { max_devices: 1, ..PlaybackConfig::default() }).await;
    let mut left = Line::connect(&stage, "ada/one").await.unwrap();
    left.say("41").await;
    while stage.handle.open() > 0 {
        tokio::task::yield_now().await;
    }
    let second = Line::connect(&stage, "ada/one").await.unwrap();
    let refused = Line::connect(&stage, "ada/one").await.err().unwrap();
    assert!(refused.contains("too_many_devices"), "{refused}");

    // Back on the same transport it has the same place.
    left.say(r#"40{"token":"ada/one"}"#).await;
    assert!(left.hear().await.starts_with("40"));
    drop((left, second));
    while Line::connect(&stage, "ada/one").await.is_err() {}
}

#[tokio::test]
async fn sockets_of_one_listener_share_a_budget() {
    let (stage, clock) = timeless(5).await;
    let mut lines = Vec::new();
    for _ in 0..5 {
        lines.push(Line::connect(&stage, "ada/one").await.unwrap());
    }
    let mut codes = Vec::new();
    for _ in 0..5 {
        for line in &mut lines {
            codes.push(line.emit("command", json!({ "op": "pause" })).await["code"].clone());
        }
    }
    assert_eq!(codes.iter().position(|code| code == "rate_limited"), Some(20), "{codes:?}");
    assert!(codes[20..].iter().all(|code| code == "rate_limited"), "{codes:?}");
    for event in ["resync", "clock"] {
        assert_eq!(lines[0].emit(event, json!({ "t0": 1 })).await["code"], "rate_limited");
    }
    let mut other = Line::connect(&stage, "bob/one").await.unwrap();
    assert_eq!(other.emit("clock", json!({ "t0": 1 })).await["t0"], 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(lines[0].emit("clock", json!({ "t0": 1 })).await["t0"], 1);
}

#[tokio::test]
async fn states_are_sent_as_often_as_they_are_small() {
    let (stage, clock) = timeless(1).await;
    let mut line = Line::connect(&stage, "ada/one").await.unwrap();
    assert!(line.emit("command", long_queue()).await["state"].is_object());
    assert_eq!(line.emit("resync", json!({})).await["code"], "rate_limited");
    clock.advance(Duration::from_secs(1));
    assert_eq!(line.emit("resync", json!({})).await["state"]["rev"], 1);
    // A command is carried out all the same, and its answer says how it went.
    let ack = line.emit("command", long_queue()).await;
    assert_eq!((&ack["ok"], &ack["rev"], &ack["state"]), (&json!(true), &json!(2), &Value::Null));
}

#[tokio::test]
async fn of_states_that_could_not_be_sent_the_newest_is() {
    let (stage, clock) = timeless(3).await;
    let mut phone = Line::connect(&stage, "ada/one").await.unwrap();
    let mut others =
        [Line::connect(&stage, "ada/one").await.unwrap(), Line::connect(&stage, "ada/one").await.unwrap()];
    for command in [long_queue(), repeat("one"), repeat("all")] {
        assert_eq!(phone.emit("command", command).await["ok"], true);
    }
    let mut heard = [Vec::new(), Vec::new()];
    for (other, heard) in others.iter_mut().zip(&mut heard) {
        // News comes before this answer.
        assert_eq!(other.emit_hearing("ready", json!({}), heard).await["code"], "no_transfer");
    }
    clock.advance(Duration::from_secs(1));
    for (mut other, mut heard) in others.into_iter().zip(heard) {
        heard.push(other.hear().await);
        let states = heard.iter().map(|packet| {
            let event: Value = serde_json::from_str(packet.strip_prefix("42").unwrap()).unwrap();
            (event[0].clone(), event[1]["rev"].clone(), event[1]["repeat"].clone())
        });
        let expected = [("state", 1, "off"), ("state", 3, "all")];
        let expected = expected.map(|(event, rev, repeat)| (json!(event), json!(rev), json!(repeat)));
        assert_eq!(states.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_socket_that_sends_on_and_on_what_is_refused_is_ended() {
    let (stage, _clock) = timeless(50).await;
    let mut line = Line::connect(&stage, "ada/one").await.unwrap();
    for _ in 0..1_000 {
        line.say(r#"42["resync",{}]"#).await;
    }
    let mut neighbour = Line::connect(&stage, "bob/one").await.unwrap();
    assert_eq!(line.emit("clock", json!({ "t0": 1 })).await["t0"], 1, "a burst is no flood");
    for _ in 0..1_100 {
        line.say(r#"42["resync",{}]"#).await;
    }
    assert_eq!(line.hear().await, "41");
    assert_eq!(neighbour.emit("clock", json!({ "t0": 1 })).await["t0"], 1);
}
