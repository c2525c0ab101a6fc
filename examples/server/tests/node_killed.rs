//! One of two processes of sync is killed under a thousand devices of two hundred listeners, behind the nginx
//! configuration of `deploy/`: all of them come back at the other one, and each is told the state that it had.
#![cfg(all(feature = "postgres", feature = "rabbitmq", feature = "redis"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../../crates/moodify-adapters/tests/shared/broker.rs"]
mod broker;
#[path = "js/device.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod device;
#[path = "../../../crates/moodify-adapters/tests/shared/redis.rs"]
mod redis;
mod support;

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    broker::Broker,
    redis::RedisServer,
    support::{
        Place, Server,
        apart::{Addresses, Apart},
        http::{get, post},
        postgres::Postgres,
        wait_for,
    },
};

const LISTENERS: usize = 200;
/// Devices of each listener: two by WebSocket, one by polling alone, and two that begin with polling.
const EACH: usize = 5;
const DEVICES: usize = LISTENERS * EACH;

const TOKEN: &str = "3f1c0f5e9ad14b7c8e02";

/// More than `devices.mjs` itself waits for any of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// All devices, in one process of Node, which `devices.mjs` describes.
struct Crowd {
    node: Child,
    stdin: ChildStdin,
    answers: mpsc::Receiver<String>,
}

impl Crowd {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js/devices.mjs");
        let mut node = Command::new("node");
        let mut node = node.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(node.stdout.take().unwrap()).lines();
        let (said, answers) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| said.send(line)));
        let stdin = node.stdin.take().unwrap();
        Self { node, stdin, answers }
    }

    /// Has something done, and waits for the answer.
    fn ask(&mut self, action: &str, mut request: Value) -> Value {
        request["id"] = 0.into();
        request["do"] = action.into();
        writeln!(self.stdin, "{request}").unwrap();
        let answer = self.answers.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer to {action}"));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["ok"], true, "{action}: {}", answer["error"]);
        answer
    }

    /// What each device knows; none was told anything of others, and nothing went wrong.
    fn look(&mut self) -> Vec<Value> {
        let mut answer = self.ask("look", json!({}));
        assert_eq!(answer["errors"], json!([]));
        let Value::Array(devices) = answer["devices"].take() else { panic!("no devices") };
        assert_eq!(devices.len(), DEVICES);
        assert!(devices.iter().all(|device| device["foreign"] == 0), "somebody was told what is another's");
        devices
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

/// The tracks of a listener, which nobody else has.
fn tracks(listener: usize) -> [String; 3] {
    [0, 1, 2].map(|n| format!("01890a5d-ac96-774b-bcce-{:012}", listener * 10 + n))
}

fn sign_up(front: &str, listener: usize) -> String {
    let person = json!({
        "email": format!("ada{listener}@example.org"), "password": "low water at the pier",
        "first_name": "Ada", "last_name": "Tide"
    });
    let session = post(front, "/v1/auth/users/signup", &person);
    assert_eq!(session.status, 201, "{session:?}");
    session.json()["access_token"].as_str().unwrap().to_owned()
}

/// The tokens of all listeners, in their order.
fn sign_all_up(front: &str) -> Vec<String> {
    const HANDS: usize = 4;
    thread::scope(|scope| {
        let some = |hand: usize| (hand * LISTENERS / HANDS)..((hand + 1) * LISTENERS / HANDS);
        let hands: Vec<_> = (0..HANDS)
            .map(|hand| scope.spawn(move || some(hand).map(|n| sign_up(front, n)).collect::<Vec<_>>()))
            .collect();
        hands.into_iter().flat_map(|hand| hand.join().unwrap()).collect()
    })
}

/// Each from an address of its own, by which nginx gives it to one of the processes.
fn devices(front: &str, tokens: &[String]) -> Value {
    let device = |n: usize| {
        let (listener, which) = (n / EACH, n % EACH);
        let mut device = json!({
            "name": format!("device-{which}"), "url": front, "token": tokens[listener], "own": tracks(listener),
            "from": format!("127.0.{}.{}", 1 + n / 250, 1 + n % 250),
        });
        match which {
            0 | 1 => device["transports"] = json!(["websocket"]),
            2 => device["transports"] = json!(["polling"]),
            _ => {}
        }
        device
    };
    (0..DEVICES).map(device).collect()
}

/// Of each listener's devices several bring the state about: one half plays, the other half pauses, each somewhere else.
fn commands() -> Value {
    let list = |listener: usize| {
        let (first, position) = (listener * EACH, 1_000 + listener);
        let mut list = vec![
            json!({"device": first, "op": "set_queue", "args": {"track_ids": tracks(listener), "play": true}}),
        ];
        if !plays(listener) {
            list.push(json!({"device": first + 1, "op": "pause", "args": {}}));
        }
        list.push(json!({"device": first + 2, "op": "seek", "args": {"position_ms": position}}));
        Value::Array(list)
    };
    (0..LISTENERS).map(list).collect()
}

fn plays(listener: usize) -> bool {
    listener.is_multiple_of(2)
}

/// Every device of a listener has the same state, and it is this listener's.
fn assert_in_step(devices: &[Value], index: usize) {
    for (listener, devices) in devices.chunks(EACH).enumerate() {
        let state = &devices[0]["state"];
        assert!(devices.iter().all(|device| device["state"] == *state), "listener {listener}: {devices:#?}");
        let queue: Vec<&str> =
            state["queue"].as_array().unwrap().iter().map(|e| e["track_id"].as_str().unwrap()).collect();
        assert_eq!(queue, tracks(listener));
        assert_eq!((&state["index"], &state["playing"]), (&json!(index), &json!(plays(listener))), "{state}");
    }
}

/// How many sockets a process has.
fn sockets(sync: &Server) -> usize {
    let page = get(&sync.url, "/metrics", TOKEN);
    assert_eq!(page.status, 200, "{page:?}");
    let page = String::from_utf8(page.body).unwrap();
    let open = page.lines().find_map(|line| line.strip_prefix("moodify_sockets_open "));
    open.expect("a number of sockets").parse().unwrap()
}

#[test]
fn a_thousand_devices_of_a_killed_process_come_back_at_the_other_with_their_state() {
    if !device::is_available() {
        return;
    }
    let Some(addresses) = Addresses::choose(1, 1) else { return };
    let Some(broker) = Broker::start() else { return };
    let (Some(postgres), Some(redis)) = (Postgres::start(), RedisServer::start()) else { return };
    let (place, addresses) = (Place::new(), addresses.with_sync(2));
    let databases = |service: &str| match service {
        "sync" => postgres.database("moodify_sync"),
        alone => format!("sqlite://data/{alone}.db"),
    };
    let apart = addresses.settings(&broker.url(), databases);
    let settings = format!("sync = \"{}\"\n{apart}[metrics]\ntoken = \"{TOKEN}\"\n", redis.url());
    place.file("moodify.toml", settings);
    let mut apart = Apart::start(&place, addresses);
    let front = apart.front.url.clone();

    let mut crowd = Crowd::start();
    crowd.ask("open", json!({"devices": devices(&front, &sign_all_up(&front))}));
    let [dies, stays] = [0, 1].map(|n| sockets(&apart.sync[n]));
    assert_eq!(dies + stays, DEVICES);
    assert!(dies > DEVICES / 5 && stays > DEVICES / 5, "{dies} and {stays}");
    let said = crowd.ask("commands", json!({"lists": commands()}));
    crowd.ask("heard", json!({"each": EACH, "revs": said["revs"]}));
    let before = crowd.look();
    assert_in_step(&before, 0);
    for (listener, devices) in before.chunks(EACH).enumerate() {
        assert_eq!(devices[0]["state"]["position_ms"], 1_000 + listener);
    }

    apart.sync.remove(0).kill();
    crowd.ask("settled", json!({"hellos": DEVICES + dies}));
    let after = crowd.look();
    for (n, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_eq!(before["state"], after["state"], "device {n}");
    }
    let undisturbed = after.iter().filter(|device| device["hellos"] == 1).count();
    assert_eq!(undisturbed, stays, "who was at the other one notices nothing");
    wait_for("all at the other one, once each", || sockets(&apart.sync[0]) == DEVICES);

    // And they hear of each other as before.
    let next: Value = (0..LISTENERS)
        .map(|listener| json!([{"device": listener * EACH + listener % EACH, "op": "next", "args": {}}]))
        .collect();
    let said = crowd.ask("commands", json!({"lists": next}));
    crowd.ask("heard", json!({"each": EACH, "revs": said["revs"]}));
    assert_in_step(&crowd.look(), 1);

    drop(crowd);
    apart.ends_well();
}
