//! Several programs on one database and one Redis, with official Socket.IO clients: what devices see when a program
//! is killed, and when Redis is.
#![cfg(all(feature = "redis", feature = "postgres"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "other processes do it, by their own clocks")]

#[path = "js/device.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod device;
#[path = "support/players.rs"]
mod players;
#[path = "../../../crates/moodify-adapters/tests/shared/redis.rs"]
mod server;
mod support;

use serde_json::json;

use crate::players::{
    command, command_at_last, go_on_after_a_restart, join, lose_nobody, readiness, serve_one_listener,
    sign_up, told, track,
};
use crate::server::{PASSWORD, RedisServer};
use crate::support::{Place, Server, postgres::Postgres, wait_for};

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

/// Commands, presence, and revoked sessions go from one program to the other.
#[tokio::test(flavor = "multi_thread")]
async fn two_programs_serve_one_listener() {
    let Some(all) = Deployment::new() else { return };
    serve_one_listener(&all.serve(0), &all.serve(1)).await;
}

/// All its devices come back at the other one, with the state that was answered last, and those that do not are
/// announced as gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_program_loses_nobody() {
    let Some(all) = Deployment::new() else { return };
    lose_nobody(all.serve(0), &all.serve(1)).await;
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
    go_on_after_a_restart(|n| all.serve(n)).await;
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
