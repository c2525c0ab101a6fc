//! What one device does, and what the others of its listener hear of it.

use moodify_core::config::PlaybackConfig;
use serde_json::{Value, json};

use super::device::{Device, is_available};
use super::stage::Stage;
use super::{TRACK, device_or_skip, hello, introduced, play};

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
