//! Plays: what counts, and what somebody who cheats can reach.

use moodify_core::model::PlayId;
use moodify_core::model::event::PlayReported;
use moodify_core::port::Clock;
use serde_json::{Value, json};

use crate::support::{Account, Answer, Form, World};

struct Stage {
    world: World,
    ada: Account,
    nina: Account,
    /// About five seconds long.
    track: Value,
}

async fn stage() -> Stage {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let track = world.track(&nina, "One").await;
    Stage { world, ada, nina, track }
}

impl Stage {
    async fn report(&self, body: Value) -> Answer {
        let path = format!("/v1/tracks/{}/plays", self.track["id"].as_str().unwrap());
        self.world.post(&path, &self.ada.token, body).await
    }

    async fn counted(&self, play_id: &str, started_at: &str, played_ms: u32) -> bool {
        let body = json!({"play_id": play_id, "started_at": started_at, "played_ms": played_ms});
        self.report(body).await.json(200)["counted"].as_bool().unwrap()
    }

    async fn play_count(&self) -> u64 {
        let path = format!("/v1/tracks/{}", self.track["id"].as_str().unwrap());
        self.world.get(&path, &self.ada.token).await.json(200)["play_count"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn a_play_counts_once_from_half_the_track_on() {
    let stage = stage().await;
    let needed = u32::try_from(stage.track["duration_ms"].as_u64().unwrap().div_ceil(2)).unwrap();
    let start = "2026-01-01T00:00:00Z";
    for (played_ms, counted, plays) in
        [(needed - 1, false, 0), (needed, true, 1), (needed * 2, true, 1), (1, true, 1)]
    {
        assert_eq!(stage.counted("p", start, played_ms).await, counted);
        assert_eq!(stage.play_count().await, plays);
    }
    let history = stage.world.get("/v1/me/history", &stage.ada.token).await.json(200);
    let [entry] = history["items"].as_array().unwrap().as_slice() else { panic!("{history}") };
    assert_eq!((&entry["play_id"], &entry["started_at"]), (&json!("p"), &json!(start)));
    assert_eq!((&entry["played_ms"], &entry["counted"]), (&json!(needed * 2), &json!(true)));
    assert_eq!((&entry["device_id"], &entry["track"]["play_count"]), (&Value::Null, &json!(1)));
}

#[tokio::test]
async fn plays_count_no_faster_than_time_passes() {
    let stage = stage().await;
    // Fifty plays of one moment: only one of them takes up its time.
    let mut counted = 0;
    for n in 0..50 {
        let start = format!("2025-12-31T12:00:00.{n:03}Z");
        counted += u32::from(stage.counted(&format!("burst-{n}"), &start, i32::MAX.unsigned_abs()).await);
    }
    assert_eq!(counted, 1);
    assert_eq!(stage.play_count().await, 1);
    assert!(stage.counted("beside", "2025-12-31T12:00:03Z", i32::MAX.unsigned_abs()).await);
    let history = stage.world.get("/v1/me/history?limit=100", &stage.ada.token).await.json(200);
    assert_eq!(history["items"].as_array().unwrap().len(), 51);
}

#[tokio::test]
async fn the_beginning_is_neither_in_the_future_nor_long_ago() {
    // It is one millisecond after midnight.
    let stage = stage().await;
    for (started_at, code) in [
        ("2026-01-01T00:01:00.001001Z", "in_the_future"),
        ("9999-01-01T00:00:00Z", "in_the_future"),
        ("2025-12-31T00:00:00.000999Z", "too_long_ago"),
        ("-009999-06-01T00:00:00Z", "too_long_ago"),
        ("2026-01-01", "invalid_time"),
        ("now", "invalid_time"),
        ("2026-01-01T00:00:00", "invalid_time"),
    ] {
        let body = json!({"play_id": "p", "started_at": started_at, "played_ms": 5000});
        let errors = stage.report(body).await.field_errors();
        assert_eq!(errors, [("/started_at".to_owned(), code.to_owned())], "{started_at}");
    }
    assert!(stage.counted("edge", "2025-12-31T00:00:00.001Z", 5000).await);
    // A clock that is a minute fast has had no time to play.
    assert!(!stage.counted("fast", "2026-01-01T00:01:00Z", 5000).await);
    assert_eq!(stage.play_count().await, 1);
}

#[tokio::test]
async fn wrong_reports_are_refused_and_leave_nothing() {
    let stage = stage().await;
    let good =
        json!({"play_id": "p", "started_at": "2026-01-01T00:00:00Z", "played_ms": 1, "device_id": "k"});
    for (field, value, code) in [
        ("play_id", json!(""), "invalid_play_id"),
        ("play_id", json!("a b"), "invalid_play_id"),
        ("play_id", json!("x".repeat(65)), "invalid_play_id"),
        ("play_id", json!(7), "invalid_type"),
        ("played_ms", json!(-1), "invalid_value"),
        ("played_ms", json!(4_294_967_296_u64), "invalid_value"),
        ("played_ms", json!(2_147_483_648_u64), "invalid_value"),
        ("played_ms", json!(1.5), "invalid_type"),
        ("device_id", json!("no spaces"), "invalid_device_id"),
        ("counted", json!(true), "unknown_field"),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let errors = stage.report(body).await.field_errors();
        assert_eq!(errors, [(format!("/{field}"), code.to_owned())], "{value}");
    }
    let history = stage.world.get("/v1/me/history", &stage.ada.token).await.json(200);
    assert!(history["items"].as_array().unwrap().is_empty());
    stage.report(good).await.json(200);
}

#[tokio::test]
async fn a_play_belongs_to_one_listener_and_one_track() {
    let stage = stage().await;
    let Stage { world, ada, nina, track } = &stage;
    let other = world.track(nina, "Other").await;
    let draft = Form::new().text("title", "Draft").text("visibility", "private");
    let draft = world.track_with(nina, draft).await;
    let body = json!({"play_id": "p", "started_at": "2026-01-01T00:00:00Z", "played_ms": 5000});
    let plays = |track: &Value| format!("/v1/tracks/{}/plays", track["id"].as_str().unwrap());
    for account in [ada, nina] {
        let answer = world.post(&plays(track), &account.token, body.clone()).await.json(200);
        assert_eq!(answer["counted"], true);
    }
    world.post(&plays(&other), &ada.token, body.clone()).await.problem(409, "play_id_taken");
    world.post(&plays(&draft), &ada.token, body.clone()).await.problem(404, "track_not_found");
    world.post(&plays(track), "", body).await.problem(401, "unauthorized");
    assert_eq!(stage.play_count().await, 2);
}

#[tokio::test]
async fn a_play_that_a_socket_reported_counts_for_whoever_may_know_of_the_track() {
    let stage = stage().await;
    let Stage { world, ada, nina, track } = &stage;
    let draft = Form::new().text("title", "Draft").text("visibility", "private");
    let draft = world.track_with(nina, draft).await;
    for (track, account, plays) in [(&draft, ada, 0), (&draft, nina, 1), (track, ada, 1)] {
        let id = track["id"].as_str().unwrap();
        let now = world.clock.now();
        let play = PlayReported {
            account_id: account.body["id"].as_str().unwrap().parse().unwrap(),
            track_id: id.parse().unwrap(),
            play_id: PlayId::parse("p").unwrap(),
            started_at: now,
            played_ms: 5_000,
            device_id: None,
        };
        world.moodify.catalog().play_was_reported(&play, now).await.unwrap();
        let counted =
            world.get(&format!("/v1/tracks/{id}"), &nina.token).await.json(200)["play_count"].clone();
        assert_eq!(counted, plays, "{} of {}", track["title"], account.body["name"]);
    }
}
