//! Several programs on one database and one Redis, with official Socket.IO clients: what devices see when a program
//! is killed, and when Redis is.
#![cfg(all(feature = "redis", feature = "postgres"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "other processes do it, by their own clocks")]

#[path = "js/device.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod device;
#[path = "../../../crates/moodify-adapters/tests/shared/redis.rs"]
mod server;
mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::device::Device;
use crate::server::{PASSWORD, RedisServer};
use crate::support::{
    Place, Server,
    http::{get, post},
    postgres::Postgres,
    wait_for,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that several programs share.
struct Deployment {
    redis: RedisServer,
    _postgres: Postgres,
    places: [Place; 2],
}

impl Deployment {
    fn new() -> Option<Self> {
        if !device::is_available() {
            return None;
        }
        let (redis, postgres) = (RedisServer::start()?, Postgres::start()?);
        let settings = format!(
            "database = \"{}\"\nsync = \"{}\"\npublic_url = \"http://music.example.org\"\n[redis]\nlease_secs = 3\n",
            postgres.database("moodify"),
            redis.url()
        );
        let places = [Place::new(), Place::new()];
        for place in &places {
            place.file("moodify.toml", &settings);
        }
        Some(Self { redis, _postgres: postgres, places })
    }

    fn serve(&self, n: usize) -> Server {
        self.places[n].serve(&["all"])
    }
}

fn track(n: usize) -> String {
    format!("01890a5d-ac96-774b-bcce-{n:012}")
}

fn sign_up(server: &Server, name: &str) -> String {
    let body = json!({"email": format!("{name}@example.com"), "password": "low water at the pier",
        "first_name": name, "last_name": "Tide"});
    let answer = post(&server.url, "/v1/auth/users/signup", &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn hello(device: &mut Device, name: &str) -> Value {
    let welcome = device.emit("hello", json!({"device_id": name, "name": name, "kind": "web"})).await;
    assert!(welcome["state"].is_object(), "{welcome}");
    welcome
}

async fn join(server: &Server, token: &str, name: &str) -> (Device, Value) {
    let mut device = Device::connected(&server.url, token).await;
    let welcome = hello(&mut device, name).await;
    (device, welcome)
}

async fn command(device: &mut Device, op: &str, args: Value) -> Value {
    let ack = device.emit("command", json!({"op": op, "args": args})).await;
    assert_eq!(ack["ok"], true, "{op}: {ack}");
    ack
}

/// The state of that version, sent by the server without being asked.
async fn told(device: &mut Device, ack: &Value) -> Value {
    loop {
        let state = device.event("state").await;
        if state["rev"] == ack["rev"] {
            return state;
        }
    }
}

/// Tries until the command goes through: Redis may be on its way back.
async fn command_at_last(device: &mut Device, op: &str, args: Value) -> Value {
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

fn readiness(server: &Server) -> (u16, String) {
    let answer = get(&server.url, "/health/ready", "");
    let body = answer.json();
    let check = body["checks"].as_array().unwrap().iter().find(|check| check["name"] == "sync").unwrap();
    (answer.status, check["status"].as_str().unwrap().to_owned())
}

/// Commands, presence, and revoked sessions go from one program to the other.
#[tokio::test(flavor = "multi_thread")]
async fn two_programs_serve_one_listener() {
    let Some(all) = Deployment::new() else { return };
    let (one, other) = (all.serve(0), all.serve(1));
    assert_eq!(readiness(&one), (200, "ok".to_owned()));
    let token = sign_up(&one, "ada");
    let (mut phone, _) = join(&one, &token, "phone").await;
    let (mut kitchen, welcome) = join(&other, &token, "kitchen").await;
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
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_program_loses_nobody() {
    const LISTENERS: usize = 8;
    let Some(all) = Deployment::new() else { return };
    let (dies, lives) = (all.serve(0), all.serve(1));
    let mut listeners = Vec::new();
    for n in 0..LISTENERS {
        let token = sign_up(&lives, &format!("ada{n}"));
        let (mut phone, _) = join(&dies, &token, "phone").await;
        let (mut kitchen, _) = join(&lives, &token, "kitchen").await;
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

/// Killed under the devices of two programs, with all that it has: they stay connected, hear of it, and agree.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_redis_is_survived() {
    let Some(all) = Deployment::new() else { return };
    let (one, other) = (all.serve(0), all.serve(1));
    let token = sign_up(&one, "ada");
    let (mut phone, _) = join(&one, &token, "phone").await;
    let (mut kitchen, _) = join(&other, &token, "kitchen").await;
    let queue = json!({"track_ids": [track(1), track(2), track(3)], "play": true});
    let ack = command(&mut phone, "set_queue", queue).await;
    let before = told(&mut kitchen, &ack).await;
    // As long as writing to the database may take, and then some.
    let dirty = || all.redis.control(&["ZCARD", "moodify:dirty"]) != ":0\r\n";
    wait_for("the state in the database", || !dirty());
    for _ in 0..2 {
        all.redis.stop();
        wait_for("sign of its end", || readiness(&one) == (200, "failed".to_owned()));
        let refused = phone.emit("command", json!({"op": "pause", "args": {}})).await;
        assert_eq!(refused["ok"], false, "{refused}");
        phone.heard("state");
        kitchen.heard("state");
        all.redis.start_again();
        // Without being asked.
        let states = [phone.event("state").await, kitchen.event("state").await];
        assert_eq!(states[0]["epoch"], states[1]["epoch"]);
        assert_ne!(states[0]["epoch"], before["epoch"]);
        assert_eq!(states[0]["queue"], before["queue"]);
        let ack = command_at_last(&mut phone, "seek", json!({"position_ms": 1_000})).await;
        let state = told(&mut kitchen, &ack).await;
        let unchanged = json!({"epoch": state["epoch"], "rev": state["rev"]});
        assert_eq!(phone.emit("resync", unchanged).await, json!({"unchanged": true}));
        wait_for("the state in the database", || !dirty());
    }
    wait_for("sign of its return", || readiness(&other) == (200, "ok".to_owned()));
}

/// Both end in order and are started again: nobody notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_all_programs_is_not_noticed() {
    let Some(all) = Deployment::new() else { return };
    let (one, other) = (all.serve(0), all.serve(1));
    let token = sign_up(&one, "ada");
    let (mut phone, _) = join(&other, &token, "phone").await;
    command(&mut phone, "set_queue", json!({"track_ids": [track(1)], "play": true})).await;
    let state = phone.emit("resync", json!({})).await["state"].clone();
    for server in [one, other] {
        server.terminate();
        let (code, log) = server.ended();
        assert_eq!(code, Some(0), "{log}");
    }
    let one = all.serve(0);
    let (_, welcome) = join(&one, &token, "phone").await;
    assert_eq!(welcome["state"], state);
}

#[test]
fn start_and_doctor_say_what_is_wrong_with_redis() {
    let Some(redis) = RedisServer::start() else { return };
    let place = Place::new();
    let row = |url: &str| {
        let ended = place.run(&["doctor", "--listen", "127.0.0.1:0", "--sync", url]);
        let shown = format!("{ended:?}");
        assert!(!shown.contains(PASSWORD) && !shown.contains("wrong"), "{shown}");
        ended.stdout.split("\nuploads").next().unwrap().split_once("\nsync").unwrap().1.to_owned()
    };
    let doubtful_only = row(&redis.url());
    assert!(doubtful_only.contains(" ok "), "{doubtful_only}");
    redis.control(&["CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru"]);
    let doubtful = row(&redis.url());
    assert!(doubtful.contains("look ") && doubtful.contains("noeviction"), "{doubtful}");
    let refused = redis.url_of("", "wrong");
    for (url, words) in [
        (refused.as_str(), "refuses the log-in"),
        ("redis://127.0.0.1:1", "is out of reach"),
        (&redis.tls_url(), "redis.ca_file"),
        (&redis.wrong_tls_url(), "speak TLS"),
        ("redis://ada@127.0.0.1", "user without a password"),
    ] {
        let row = row(url);
        assert!(row.contains("FAIL") && row.contains(words), "{words}: {row}");
    }
    place
        .run(&["serve", "--listen", "127.0.0.1:0", "--sync", &refused])
        .assert_told("refuses the log-in", "correct user and password");
}
