//! Every operation, between two devices.

use moodify_core::config::PlaybackConfig;
use serde_json::{Value, json};

use super::device::{Device, is_available};
use super::stage::Stage;
use super::{device_or_skip, introduced};

/// A command by one device, as the acknowledgement of one and the news of the other show it.
async fn both(sender: &mut Device, other: &mut Device, op: &str, args: Value) -> Value {
    let ack = sender.emit("command", json!({ "op": op, "args": args })).await;
    assert_eq!(ack["ok"], true, "{op}: {ack}");
    let state = other.event("state").await;
    assert_eq!((&state["rev"], &state["at_us"]), (&ack["rev"], &ack["at_us"]), "{op}");
    if ack.get("state").is_some() {
        assert_eq!(ack["state"], state, "{op}");
    }
    state
}

fn track(n: u32) -> String {
    format!("01890a5d-ac96-774b-bcce-{n:012}")
}

fn tracks(state: &Value) -> Vec<String> {
    let entries = state["queue"].as_array().unwrap().iter();
    entries.map(|entry| entry["track_id"].as_str().unwrap().to_owned()).collect()
}

fn entry(state: &Value, n: usize) -> Value {
    state["queue"][n]["entry_id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_one_for_all_devices() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = introduced(&stage, "ada/two", "speaker").await;
    let (a, b, c, d) = (track(1), track(2), track(3), track(4));

    let set = json!({ "track_ids": [a, b, c], "index": 1, "position_ms": 5_000, "play": true });
    let state = both(&mut phone, &mut speaker, "set_queue", set).await;
    assert_eq!(tracks(&state), [&*a, &*b, &*c]);
    assert_eq!(
        (&state["index"], &state["position_ms"], &state["playing"]),
        (&json!(1), &json!(5_000), &json!(true))
    );
    assert_eq!(state["active_device"], "phone");

    let add = json!({ "track_ids": [d], "position": "next" });
    let state = both(&mut speaker, &mut phone, "queue_add", add).await;
    assert_eq!(tracks(&state), [&*a, &*b, &*d, &*c]);
    let moved = json!({ "entry_id": entry(&state, 2), "index": 0 });
    let state = both(&mut phone, &mut speaker, "queue_move", moved).await;
    assert_eq!(
        (tracks(&state), &state["index"]),
        (vec![d.clone(), a.clone(), b.clone(), c.clone()], &json!(2))
    );
    let remove = json!({ "entry_ids": [entry(&state, 2), entry(&state, 0)] });
    let state = both(&mut phone, &mut speaker, "queue_remove", remove).await;
    assert_eq!(
        (tracks(&state), &state["index"]),
        (vec![a.clone(), c.clone()], &json!(1)),
        "what follows plays"
    );
    let state = both(&mut speaker, &mut phone, "queue_add", json!({ "track_ids": [b, d] })).await;
    assert_eq!(tracks(&state), [&*a, &*c, &*b, &*d]);

    let before = state;
    let state = both(&mut phone, &mut speaker, "set_shuffle", json!({ "shuffle": true })).await;
    assert_eq!((&state["shuffle"], &state["index"]), (&json!(true), &json!(0)));
    assert_eq!(tracks(&state)[0], c);
    let state = both(&mut speaker, &mut phone, "set_shuffle", json!({ "shuffle": false })).await;
    assert_eq!((&state["queue"], &state["index"]), (&before["queue"], &before["index"]));

    let state = both(&mut phone, &mut speaker, "play", json!({ "entry_id": entry(&state, 3) })).await;
    assert_eq!(state["index"], 3);
    let state = both(&mut phone, &mut speaker, "set_repeat", json!({ "repeat": "all" })).await;
    assert_eq!(state["repeat"], "all");
    let state = both(&mut speaker, &mut phone, "next", json!({})).await;
    assert_eq!((&state["index"], &state["playing"]), (&json!(0), &json!(true)));
    let state = both(&mut phone, &mut speaker, "previous", json!({})).await;
    assert_eq!(state["index"], 3);
    let state = both(&mut phone, &mut speaker, "set_rate", json!({ "rate": 1.5 })).await;
    assert_eq!(state["rate"], 1.5);
    let state = both(&mut phone, &mut speaker, "set_volume", json!({ "volume": 30 })).await;
    let state_too =
        both(&mut phone, &mut speaker, "set_volume", json!({ "volume": 70, "device_id": "speaker" })).await;
    assert_eq!(state["volumes"], json!({ "phone": 30 }));
    assert_eq!(state_too["volumes"], json!({ "phone": 30, "speaker": 70 }));
    let state = both(&mut phone, &mut speaker, "set_queue", json!({ "track_ids": [] })).await;
    assert_eq!(
        (&state["queue"], &state["index"], &state["playing"]),
        (&json!([]), &Value::Null, &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_end_of_a_track_skips_one_entry() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = introduced(&stage, "ada/two", "speaker").await;
    let set = json!({ "track_ids": [track(1), track(2), track(3)], "play": true });
    let state = both(&mut phone, &mut speaker, "set_queue", set).await;
    let end = json!({ "op": "next", "args": { "ended": true, "entry_id": entry(&state, 0) } });
    let first = phone.emit("command", end.clone()).await;
    assert_eq!(first["state"]["index"], 1);
    let second = speaker.emit("command", end).await;
    assert_eq!((&second["code"], &second["state"]["index"]), (&json!("stale"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_has_room_for_so_many() {
    device_or_skip!();
    let stage = Stage::with(PlaybackConfig { max_queue: 1_500, ..PlaybackConfig::default() }).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let many: Vec<_> = (0..1_500).map(track).collect();
    let full = phone.emit("command", json!({ "op": "set_queue", "args": { "track_ids": many } })).await;
    assert_eq!(full["state"]["queue"].as_array().map(Vec::len), Some(1_500));
    let more = json!({ "op": "queue_add", "args": { "track_ids": [track(1)] } });
    assert_eq!(phone.emit("command", more).await["code"], "queue_full");
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_moves_to_a_device_that_is_ready() {
    device_or_skip!();
    // Longer than any machine takes to say that it is ready.
    let handover = std::time::Duration::from_secs(3_600);
    let stage = Stage::with(PlaybackConfig { handover, ..PlaybackConfig::default() }).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = introduced(&stage, "ada/two", "speaker").await;
    both(&mut phone, &mut speaker, "play", json!({ "track_id": track(1) })).await;
    let asked = both(&mut phone, &mut speaker, "transfer", json!({ "device_id": "speaker" })).await;
    assert_eq!((&asked["active_device"], &asked["transfer"]["to"]), (&json!("phone"), &json!(["speaker"])));
    let command = asked["transfer"]["command_id"].clone();
    assert_eq!(phone.emit("ready", json!({ "command_id": command })).await["code"], "no_transfer");
    let ack = speaker.emit("ready", json!({ "command_id": command })).await;
    assert_eq!((&ack["ok"], &ack["state"]["active_device"]), (&json!(true), &json!("speaker")));
    assert_eq!((&ack["state"]["transfer"], &ack["state"]["playing"]), (&Value::Null, &json!(true)));
    assert_eq!(phone.event("state").await, ack["state"]);
    assert_eq!(speaker.emit("ready", json!({})).await["code"], "no_transfer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_ready_leaves_the_sound_where_it_is() {
    device_or_skip!();
    let handover = std::time::Duration::from_millis(300);
    let stage = Stage::with(PlaybackConfig { handover, ..PlaybackConfig::default() }).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = introduced(&stage, "ada/two", "speaker").await;
    both(&mut phone, &mut speaker, "play", json!({ "track_id": track(1) })).await;
    let asked = both(&mut phone, &mut speaker, "transfer", json!({ "device_id": "speaker" })).await;
    for device in [&mut phone, &mut speaker] {
        let undone = device.event("state").await;
        assert_eq!((&undone["transfer"], &undone["active_device"]), (&Value::Null, &json!("phone")));
        assert_eq!(
            undone["cause"],
            json!({ "command_id": asked["transfer"]["command_id"], "device_id": null })
        );
    }
    assert_eq!(speaker.emit("ready", json!({})).await["code"], "no_transfer");
}

#[tokio::test(flavor = "multi_thread")]
async fn playback_pauses_when_its_device_stays_away() {
    device_or_skip!();
    let absence = std::time::Duration::from_millis(300);
    let stage = Stage::with(PlaybackConfig { absence, ..PlaybackConfig::default() }).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = introduced(&stage, "ada/two", "speaker").await;
    let state = both(&mut phone, &mut speaker, "play", json!({ "track_id": track(1) })).await;
    phone.disconnect().await;
    let paused = speaker.event("state").await;
    assert_eq!((&paused["playing"], &paused["queue"]), (&json!(false), &state["queue"]));
    assert_eq!(speaker.emit("command", json!({ "op": "play" })).await["state"]["active_device"], "speaker");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_commands_of_one_socket_are_applied_in_order() {
    device_or_skip!();
    let stage = Stage::with(PlaybackConfig { messages_per_second: 0, ..PlaybackConfig::default() }).await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = introduced(&stage, "ada/two", "speaker").await;
    both(&mut phone, &mut speaker, "play", json!({ "track_id": track(1) })).await;
    let seek = |n: usize| json!({ "op": "seek", "args": { "position_ms": n } });
    let mut revs = Vec::new();
    // As many at once as wait for their turn at most; without a `seq`: the order is the server's job.
    for chunk in (1..=2_000).collect::<Vec<_>>().chunks(250) {
        let acks = phone.emit_all(chunk.iter().map(|n| ("command", seek(*n)))).await;
        revs.extend(acks.iter().map(|ack| ack["rev"].as_u64().unwrap_or_default()));
    }
    assert_eq!(revs, (2..=2_001).collect::<Vec<_>>());
    for n in 1..=2_000_u64 {
        let state = speaker.event("state").await;
        assert_eq!((state["rev"].as_u64(), state["position_ms"].as_u64()), (Some(n + 1), Some(n)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_missed_everything_are_equal_after_a_resync() {
    device_or_skip!();
    let stage = Stage::new().await;
    let mut phone = introduced(&stage, "ada/one", "phone").await;
    let mut speaker = introduced(&stage, "ada/two", "speaker").await;
    let known = phone.emit("resync", json!({})).await["state"].clone();
    speaker.disconnect().await;
    for n in 0..10 {
        phone.emit("command", json!({ "op": "queue_add", "args": { "track_ids": [track(n)] } })).await;
    }
    phone.emit("command", json!({ "op": "play" })).await;
    speaker.connect(&stage.url, "ada/two").await.unwrap();
    let behind = json!({ "epoch": known["epoch"], "rev": known["rev"] });
    let found = speaker.emit("resync", behind).await["state"].clone();
    assert_eq!(found, phone.emit("resync", json!({})).await["state"]);
    assert_eq!((&found["rev"], tracks(&found).len()), (&json!(11), 10));
}
