//! What the listeners' devices do in tests of several programs.
#![allow(clippy::disallowed_methods, reason = "other processes do it, by their own clocks")]
#![allow(dead_code, reason = "not every test needs all of it")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::device::Device;
use crate::support::{
    Server,
    http::{get, post},
};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn track(n: usize) -> String {
    format!("01890a5d-ac96-774b-bcce-{n:012}")
}

pub(crate) fn sign_up(server: &Server, name: &str) -> String {
    let body = json!({"email": format!("{name}@example.com"), "password": "low water at the pier",
        "first_name": name, "last_name": "Tide"});
    let answer = post(&server.url, "/v1/auth/users/signup", &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

pub(crate) async fn hello(device: &mut Device, name: &str) -> Value {
    let welcome = device.emit("hello", json!({"device_id": name, "name": name, "kind": "web"})).await;
    assert!(welcome["state"].is_object(), "{welcome}");
    welcome
}

pub(crate) async fn join(server: &Server, token: &str, name: &str) -> (Device, Value) {
    let mut device = Device::connected(&server.url, token).await;
    let welcome = hello(&mut device, name).await;
    (device, welcome)
}

pub(crate) async fn command(device: &mut Device, op: &str, args: Value) -> Value {
    let ack = device.emit("command", json!({"op": op, "args": args})).await;
    assert_eq!(ack["ok"], true, "{op}: {ack}");
    ack
}

/// The state of that version, sent by the server without being asked.
pub(crate) async fn told(device: &mut Device, ack: &Value) -> Value {
    loop {
        let state = device.event("state").await;
        if state["rev"] == ack["rev"] {
            return state;
        }
    }
}

/// Tries until the command goes through: what went away may be on its way back.
pub(crate) async fn command_at_last(device: &mut Device, op: &str, args: Value) -> Value {
    let begun = Instant::now();
    loop {
        let ack = device.emit("command", json!({"op": op, "args": args})).await;
        if ack["ok"] == true {
            return ack;
        }
        assert!(begun.elapsed() < PATIENCE, "{op}: {ack}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn readiness(server: &Server) -> (u16, String) {
    let answer = get(&server.url, "/health/ready", "");
    let body = answer.json();
    let check = body["checks"].as_array().unwrap().iter().find(|check| check["name"] == "sync").unwrap();
    (answer.status, check["status"].as_str().unwrap().to_owned())
}

/// Commands, presence, and revoked sessions go from one program to the other.
pub(crate) async fn serve_one_listener(one: &Server, other: &Server) {
    assert_eq!(readiness(one), (200, "ok".to_owned()));
    let token = sign_up(one, "ada");
    let (mut phone, _) = join(one, &token, "phone").await;
    let (mut kitchen, welcome) = join(other, &token, "kitchen").await;
    let online = |devices: &Value| -> Vec<(String, bool)> {
        let devices = devices.as_array().unwrap().iter();
        devices.map(|d| (d["device_id"].as_str().unwrap().to_owned(), d["online"] == true)).collect()
    };
    assert_eq!(online(&welcome["devices"]), [("kitchen".to_owned(), true), ("phone".to_owned(), true)]);
    assert_eq!(phone.event("presence").await["device_id"], "kitchen");
    let queue = json!({"track_ids": [track(1), track(2), track(3)], "play": true});
    let ack = command(&mut phone, "set_queue", queue).await;
    let state = told(&mut kitchen, &ack).await;
    assert_eq!((&state["playing"], &state["active_device"]), (&json!(true), &json!("phone")));
    let ack = command(&mut kitchen, "next", json!({})).await;
    assert_eq!(told(&mut phone, &ack).await["index"], 1);
    // Every command of both, in turns, makes one history.
    for n in 0..20 {
        let (from, to) = if n % 2 == 0 { (&mut phone, &mut kitchen) } else { (&mut kitchen, &mut phone) };
        let ack = command(from, "queue_add", json!({"track_ids": [track(n)]})).await;
        assert_eq!(told(to, &ack).await["queue"].as_array().unwrap().len(), 4 + n);
    }
    // Whoever logs out at one is out at the other.
    let log_out = reqwest::Client::new().post(format!("{}/v1/auth/logout", one.url)).bearer_auth(&token);
    assert_eq!(log_out.send().await.unwrap().status(), 204);
    assert_eq!(kitchen.event("disconnect").await, "io server disconnect");
    assert_eq!(kitchen.connect(&other.url, &token).await, Err("unauthorized".to_owned()));
}

/// All its devices come back at the other one, with the state that was answered last, and those that do not are
/// announced as gone.
pub(crate) async fn lose_nobody(dies: Server, lives: &Server) {
    const LISTENERS: usize = 8;
    let mut listeners = Vec::new();
    for n in 0..LISTENERS {
        let token = sign_up(lives, &format!("ada{n}"));
        let (mut phone, _) = join(&dies, &token, "phone").await;
        let (mut kitchen, _) = join(lives, &token, "kitchen").await;
        let queue = json!({"track_ids": [track(n), track(n + 1)], "play": true});
        let ack = command(&mut phone, "set_queue", queue).await;
        told(&mut kitchen, &ack).await;
        listeners.push((token, phone, kitchen));
    }
    let mut last = Vec::new();
    for (_, phone, _) in &mut listeners {
        last.push(command(phone, "set_repeat", json!({"repeat": "all"})).await);
    }
    dies.kill();
    let (stay_away, come_back) = listeners.split_at_mut(2);
    for (n, (token, phone, kitchen)) in come_back.iter_mut().enumerate() {
        phone.connect(&lives.url, token).await.unwrap();
        let state = hello(phone, "phone").await["state"].clone();
        assert_eq!((&state["rev"], &state["repeat"]), (&last[n + 2]["rev"], &json!("all")));
        let unchanged = json!({"epoch": state["epoch"], "rev": state["rev"]});
        assert_eq!(kitchen.emit("resync", unchanged).await, json!({"unchanged": true}));
        let ack = command(kitchen, "next", json!({})).await;
        told(phone, &ack).await;
    }
    for (_, _, kitchen) in stay_away {
        loop {
            let presence = kitchen.event("presence").await;
            if presence["device_id"] == "phone" && presence["online"] == false {
                break;
            }
        }
    }
}

/// Both end in order and are started again: nobody notices.
pub(crate) async fn go_on_after_a_restart(serve: impl Fn(usize) -> Server) {
    let (one, other) = (serve(0), serve(1));
    let token = sign_up(&one, "ada");
    let (mut phone, _) = join(&other, &token, "phone").await;
    command(&mut phone, "set_queue", json!({"track_ids": [track(1)], "play": true})).await;
    let state = phone.emit("resync", json!({})).await["state"].clone();
    for server in [one, other] {
        server.terminate();
        let (code, log) = server.ended();
        assert_eq!(code, Some(0), "{log}");
    }
    let one = serve(0);
    let (_, welcome) = join(&one, &token, "phone").await;
    assert_eq!(welcome["state"], state);
}
