//! Several programs that share playback over a MongoDB, with official Socket.IO clients: what devices see when a
//! program is killed, and when the database is.
#![cfg(feature = "mongodb")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "other processes do it, by their own clocks")]

#[path = "js/device.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod device;
#[path = "support/players.rs"]
mod players;
mod support;

use serde_json::json;

use crate::players::{
    command, command_at_last, go_on_after_a_restart, join, lose_nobody, readiness, serve_one_listener,
    sign_up, told, track,
};
use crate::support::{Place, Server, mongodb, wait_for};

/// Everything that several programs share.
struct Deployment {
    database: mongodb::Server,
    places: [Place; 2],
}

impl Deployment {
    /// Playback is kept where the rest is, or apart.
    fn new(apart: bool) -> Option<Self> {
        if !device::is_available() {
            return None;
        }
        let database = mongodb::Server::start()?;
        let sync = if apart { database.url("playback") } else { "database:".to_owned() };
        let settings = format!(
            "database = \"{}\"\nsync = \"{sync}\"\npublic_url = \"http://music.example.org\"\n\
             [mongodb]\nconnect_timeout_secs = 2\noperation_timeout_secs = 8\n\
             sync_timeout_secs = 10\nsync_lease_secs = 12\n",
            database.url("moodify"),
        );
        let places = [Place::new(), Place::new()];
        for place in &places {
            place.file("moodify.toml", &settings);
        }
        Some(Self { database, places })
    }

    fn serve(&self, n: usize) -> Server {
        self.places[n].serve(&["all"])
    }
}

/// Commands, presence, and revoked sessions go from one program to the other.
#[tokio::test(flavor = "multi_thread")]
async fn two_programs_serve_one_listener() {
    let Some(all) = Deployment::new(false) else { return };
    serve_one_listener(&all.serve(0), &all.serve(1)).await;
}

/// All its devices come back at the other one, with the state that was answered last, and those that do not are
/// announced as gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_program_loses_nobody() {
    let Some(all) = Deployment::new(true) else { return };
    lose_nobody(all.serve(0), &all.serve(1)).await;
}

/// Killed under the devices of two programs: they stay connected, and agree when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_dies_is_survived() {
    let Some(mut all) = Deployment::new(false) else { return };
    let (one, other) = (all.serve(0), all.serve(1));
    let token = sign_up(&one, "ada");
    let (mut phone, _) = join(&one, &token, "phone").await;
    let (mut kitchen, _) = join(&other, &token, "kitchen").await;
    let queue = json!({"track_ids": [track(1), track(2), track(3)], "play": true});
    let ack = command(&mut phone, "set_queue", queue).await;
    let before = told(&mut kitchen, &ack).await;
    all.database.kill();
    wait_for("sign of its end", || readiness(&one).1 == "failed" && readiness(&other).1 == "failed");
    let refused = phone.emit("command", json!({"op": "pause", "args": {}})).await;
    assert_eq!(refused["ok"], false, "{refused}");
    all.database.start_again();
    let ack = command_at_last(&mut phone, "seek", json!({"position_ms": 1_000})).await;
    let state = told(&mut kitchen, &ack).await;
    assert_eq!((&state["epoch"], &state["queue"]), (&before["epoch"], &before["queue"]));
    let ack = command_at_last(&mut kitchen, "next", json!({})).await;
    let state = told(&mut phone, &ack).await;
    let unchanged = json!({"epoch": state["epoch"], "rev": state["rev"]});
    assert_eq!(kitchen.emit("resync", unchanged).await, json!({"unchanged": true}));
    wait_for("sign of its return", || readiness(&other).1 == "ok");
}

/// Both end in order and are started again: nobody notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_all_programs_is_not_noticed() {
    let Some(all) = Deployment::new(true) else { return };
    go_on_after_a_restart(|n| all.serve(n)).await;
}

#[test]
fn start_and_doctor_say_what_is_wrong() {
    let Some(database) = mongodb::Server::start() else { return };
    let place = Place::new();
    let url = database.url("moodify");
    for arguments in [&["--database", &url, "--sync", "database:"][..], &["--sync", &url]] {
        let doctor = place.run(&[&["doctor", "--listen", "127.0.0.1:0"][..], arguments].concat());
        assert!(doctor.stdout.contains("heard of it over a change stream"), "{doctor:?}");
    }
    let away = "mongodb://ada:hunter2@127.0.0.1:1/moodify";
    let doctor = place.run(&["doctor", "--listen", "127.0.0.1:0", "--sync", away]);
    assert!(doctor.stdout.contains("cannot reach the database"), "{doctor:?}");
    assert!(!format!("{doctor:?}").contains("hunter2"), "{doctor:?}");
    place
        .run(&["serve", "--listen", "127.0.0.1:0", "--sync", "database:"])
        .assert_told("the database of sync is no MongoDB", "set sync to local:");
}
