//! Playback outlives the program: devices come back to what they left, whether it was ended or
//! killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "another process is killed, by its own clock")]

#[path = "js/device.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod device;
mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::device::Device;
use crate::support::{Place, Server, http::post};

/// How old what is left after a kill may be.
const AGE: Duration = Duration::from_secs(1);

fn track(n: u32) -> String {
    format!("01890a5d-ac96-774b-bcce-{n:012}")
}

/// A place in which tokens are good for every start of the program, whatever its port.
fn place() -> Place {
    let place = Place::new();
    place.file("moodify.toml", "public_url = \"http://music.example.org\"\n");
    place
}

/// Somebody's session.
fn sign_up(server: &Server) -> Value {
    let body = json!({"email": "ada@example.com", "password": "low water at the pier", "first_name": "Ada",
        "last_name": "Tide"});
    let answer = post(&server.url, "/v1/auth/users/signup", &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn listener(server: &Server) -> String {
    sign_up(server)["access_token"].as_str().unwrap().to_owned()
}

/// A device, introduced; what it is told.
async fn device(server: &Server, token: &str, name: &str) -> (Device, Value) {
    let mut device = Device::connected(&server.url, token).await;
    let welcome = device.emit("hello", json!({"device_id": name, "name": name, "kind": "web"})).await;
    assert!(welcome["state"].is_object(), "{welcome}");
    (device, welcome)
}

async fn command(device: &mut Device, id: &str, op: &str, args: Value) -> Value {
    let ack = device.emit("command", json!({"command_id": id, "op": op, "args": args})).await;
    assert_eq!(ack["ok"], true, "{op}: {ack}");
    ack
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_not_noticed() {
    if !device::is_available() {
        return;
    }
    let place = place();
    let server = place.serve(&["all"]);
    let token = listener(&server);
    let (mut phone, _) = device(&server, &token, "phone").await;
    let (mut kitchen, _) = device(&server, &token, "kitchen").await;
    let queue = json!({"track_ids": [track(1), track(2), track(3)], "play": true});
    command(&mut phone, "c1", "set_queue", queue).await;
    command(&mut kitchen, "c2", "set_shuffle", json!({"shuffle": true})).await;
    let last = command(&mut phone, "c3", "set_volume", json!({"volume": 40})).await;
    let state = phone.emit("resync", json!({})).await["state"].clone();
    assert_eq!(state["rev"], last["rev"]);
    server.terminate();
    assert_eq!(server.ended().0, Some(0));

    let server = place.serve(&["all"]);
    let (mut phone, welcome) = device(&server, &token, "phone").await;
    assert_eq!(welcome["state"], state);
    let known: Vec<_> =
        welcome["devices"].as_array().unwrap().iter().map(|d| (&d["device_id"], &d["online"])).collect();
    assert_eq!(known, [(&json!("kitchen"), &json!(false)), (&json!("phone"), &json!(true))]);
    let version = json!({"epoch": state["epoch"], "rev": state["rev"]});
    assert_eq!(phone.emit("resync", version.clone()).await, json!({"unchanged": true}));
    let again = command(&mut phone, "c3", "set_volume", json!({"volume": 40})).await;
    assert_eq!(again["rev"], last["rev"], "what was answered is not applied again");
    let pause = json!({"op": "pause", "expect": version});
    assert_eq!(phone.emit("command", pause).await["rev"], json!(last["rev"].as_u64().unwrap() + 1));
    let (_, welcome) = device(&server, &token, "kitchen").await;
    assert_eq!(welcome["state"]["playing"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_costs_a_second_at_most_and_nobody_is_misled() {
    if !device::is_available() {
        return;
    }
    let place = place();
    let mut server = place.serve(&["all"]);
    let token = listener(&server);
    let mut epochs = Vec::new();
    for round in 0..3 {
        let (mut phone, welcome) = device(&server, &token, "phone").await;
        epochs.push(welcome["state"]["epoch"].clone());
        // Commands go on until the server is gone; each remembers when it was answered.
        let mut answered = Vec::new();
        let began = Instant::now();
        while began.elapsed() < AGE * 2 {
            let add = json!({"track_ids": [track(round)]});
            let ack = command(&mut phone, &format!("{round}:{}", answered.len()), "queue_add", add).await;
            answered.push((ack["rev"].as_u64().unwrap(), Instant::now()));
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let (last, _) = *answered.last().unwrap();
        let killed = Instant::now();
        server.kill();
        server = place.serve(&["all"]);
        let (mut phone, welcome) = device(&server, &token, "phone").await;
        let state = &welcome["state"];
        let rev = state["rev"].as_u64().unwrap();
        let safe = answered.iter().filter(|(_, at)| killed.duration_since(*at) > AGE).map(|(rev, _)| *rev);
        let safe = safe.max().unwrap();
        assert!((safe..=last).contains(&rev), "{rev} is older than {safe}");
        assert_eq!(state["queue"].as_array().unwrap().len() as u64, rev, "a state is whole");
        assert!(!epochs.contains(&state["epoch"]), "no device mistakes it for one that it has seen");
        let stale = json!({"op": "pause", "expect": {"epoch": epochs.last(), "rev": rev}});
        assert_eq!(phone.emit("command", stale).await["code"], "stale");
        phone.disconnect().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_is_out_everywhere() {
    if !device::is_available() {
        return;
    }
    let place = place();
    let server = place.serve(&["all"]);
    let session = sign_up(&server);
    let token = session["access_token"].as_str().unwrap();
    let (mut phone, _) = device(&server, token, "phone").await;
    let log_out = reqwest::Client::new().post(format!("{}/v1/auth/logout", server.url)).bearer_auth(token);
    assert_eq!(log_out.send().await.unwrap().status(), 204);
    let began = Instant::now();
    assert_eq!(phone.event("disconnect").await, "io server disconnect");
    // A second is what is promised; the rest is for machines that do ten other things.
    assert!(began.elapsed() < AGE * 5, "{:?}", began.elapsed());
    assert_eq!(phone.connect(&server.url, token).await, Err("unauthorized".to_owned()));
}
