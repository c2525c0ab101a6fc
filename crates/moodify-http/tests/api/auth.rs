//! Accounts and sessions.

use std::time::Duration;

use futures::future::{Either, select};
use futures::pin_mut;
use futures::stream::{FuturesUnordered, StreamExt};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Account, PASSWORD, World};

#[tokio::test]
async fn a_listener_signs_up_and_is_signed_in() {
    let world = World::new();
    let body = json!({
        "email": " Ada@Example.com ", "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace",
    });
    let session = world.post("/v1/auth/users/signup", "", body).await.json(201);
    assert_eq!(session["token_type"], "Bearer");
    assert_eq!(session["expires_in"], 600);
    let account = &session["account"];
    assert_eq!(account["email"], "ada@example.com");
    assert_eq!(account["role"], "user");
    assert_eq!(account["artist_id"], Value::Null);
    assert_eq!(account["email_verified"], false);
    assert_eq!(account["created_at"], "2026-01-01T00:00:00Z");
    let me = world.get("/v1/me", session["access_token"].as_str().unwrap()).await;
    assert_eq!(me.json(200), *account);
    assert_eq!(world.events().await, 2);
}

#[tokio::test]
async fn a_flood_of_passwords_is_turned_away_and_the_process_goes_on_answering() {
    let few = |config: &mut moodify_core::Config| {
        config.accounts.hash_parallelism = 1;
        config.accounts.hash_queue = 1;
    };
    let world = World::build(few, |_| ());
    let sign_up = async |n: usize| {
        let body = json!({ "email": format!("n{n}@example.com"), "password": PASSWORD,
            "first_name": "Ada", "last_name": "Lovelace" });
        world.post("/v1/auth/users/signup", "", body).await
    };
    let sign_ups: FuturesUnordered<_> = (0..20).map(sign_up).collect();
    let alive = async { world.get("/health/live", "").await };
    let flood = sign_ups.collect::<Vec<_>>();
    pin_mut!(flood, alive);
    // It waits for none of them.
    let Either::Right((alive, flood)) = select(flood, alive).await else { panic!("the flood came first") };
    alive.json(200);
    let (served, refused): (Vec<_>, Vec<_>) =
        flood.await.into_iter().partition(|answer| answer.status == StatusCode::CREATED);
    // More than one at work and one waiting are served only if a hash was done before the last one asked.
    assert!(served.len() >= 2 && !refused.is_empty(), "{} served, {} refused", served.len(), refused.len());
    for answer in refused {
        answer.problem(429, "rate_limited");
        assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    }
    sign_up(20).await.json(201);
}

#[tokio::test]
async fn an_artist_has_a_profile() {
    let world = World::new();
    let nina = world.artist("nina").await;
    assert_eq!(nina.body["role"], "artist");
    assert!(nina.body["artist_id"].is_string());
}

#[tokio::test]
async fn an_address_has_one_account() {
    let world = World::new();
    world.listener("ada").await;
    let again = json!({
        "email": "ADA@example.com", "password": PASSWORD, "first_name": "A", "last_name": "B", "artist_name": "C",
    });
    world.post("/v1/auth/artists/signup", "", again).await.problem(409, "email_taken");
    assert_eq!(world.events().await, 2);
}

#[tokio::test]
async fn all_wrong_fields_are_told_together() {
    let world = World::new();
    let body = json!({
        "email": "ada", "password": "short", "first_name": "", "last_name": "x".repeat(101), "artist_name": "\u{0}",
    });
    let errors = world.post("/v1/auth/artists/signup", "", body).await.field_errors();
    let expected = [
        ("/email", "invalid_email"),
        ("/password", "password_too_short"),
        ("/first_name", "required"),
        ("/last_name", "too_long"),
        ("/artist_name", "control_character"),
    ];
    assert_eq!(errors, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    assert_eq!(world.events().await, 0);
}

#[tokio::test]
async fn each_role_logs_in_through_its_door() {
    let world = World::new();
    world.listener("ada").await;
    world.artist("nina").await;
    for (door, name) in [("users", "ada"), ("artists", "nina")] {
        let body = json!({"email": format!("{name}@example.com"), "password": PASSWORD, "session": "token"});
        let session = world.post(&format!("/v1/auth/{door}/login"), "", body).await.json(200);
        assert_eq!(session["account"]["first_name"], name);
    }
}

#[tokio::test]
async fn failed_log_ins_all_look_the_same() {
    let world = World::new();
    world.listener("ada").await;
    let mut answers = Vec::new();
    for (door, email, password) in [
        ("users", "ada@example.com", "wrong horse battery"),
        ("users", "bob@example.com", PASSWORD),
        ("artists", "ada@example.com", PASSWORD),
        ("users", "no address", PASSWORD),
        ("users", "ada@example.com", ""),
        ("users", "ada@example.com", &"x".repeat(10_000)),
    ] {
        let body = json!({"email": email, "password": password});
        let mut answer = world.post(&format!("/v1/auth/{door}/login"), "", body).await;
        let mut problem = answer.problem(401, "invalid_credentials");
        problem["request_id"] = Value::Null;
        answer.headers.remove("x-request-id");
        answers.push((problem.to_string(), answer.headers));
    }
    for answer in &answers {
        assert_eq!(*answer, answers[0]);
    }
    assert!(answers[0].1.contains_key("www-authenticate"));
}

#[tokio::test]
async fn a_refresh_token_rotates() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let refresh = |token: &str| json!({"refresh_token": token});
    let next = world.post("/v1/auth/refresh", "", refresh(&ada.refresh_token)).await.json(200);
    let next = Account::from(next);
    assert_ne!(next.refresh_token, ada.refresh_token);
    world.get("/v1/me", &next.token).await.json(200);

    world.clock.advance(Duration::from_secs(60));
    let reused = world.post("/v1/auth/refresh", "", refresh(&ada.refresh_token)).await;
    reused.problem(401, "invalid_token");
    let revoked = world.post("/v1/auth/refresh", "", refresh(&next.refresh_token)).await;
    revoked.problem(401, "invalid_token");
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let world = World::new();
    let ada = world.listener("ada").await;
    world.post_raw("/v1/auth/logout", &ada.token, "").await.empty(204);
    let body = json!({"refresh_token": ada.refresh_token});
    world.post("/v1/auth/refresh", "", body).await.problem(401, "invalid_token");
}

#[tokio::test]
async fn an_access_token_runs_out() {
    let world = World::new();
    let ada = world.listener("ada").await;
    world.clock.advance(Duration::from_secs(606));
    let answer = world.get("/v1/me", &ada.token).await;
    answer.problem(401, "token_expired");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="moodify", error="invalid_token""#);
}

#[tokio::test]
async fn without_a_token_the_challenge_names_no_error() {
    let world = World::new();
    let answer = world.get("/v1/me", "").await;
    answer.problem(401, "unauthorized");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="moodify""#);
}

#[tokio::test]
async fn public_keys_can_be_cached() {
    let world = World::new();
    let answer = world.get("/.well-known/jwks.json", "").await;
    let key = &answer.json(200)["keys"][0];
    assert_eq!((key["kty"].as_str(), key["alg"].as_str()), (Some("OKP"), Some("EdDSA")));
    assert_eq!(key["d"], Value::Null);
    assert_eq!(answer.header("cache-control"), "public, max-age=60");
    let again = world.get_if_none_match("/.well-known/jwks.json", "", answer.header("etag")).await;
    again.empty(304);
}

#[tokio::test]
async fn failed_log_ins_are_one_answer_whatever_is_wrong() {
    let world = World::new();
    world.listener("ada").await;
    world.artist("nina").await;
    let mut answers = Vec::new();
    for (path, email, password) in [
        ("/v1/auth/users/login", "ada@example.com", "low tide, low water"),
        ("/v1/auth/users/login", "nobody@example.com", PASSWORD),
        ("/v1/auth/users/login", "no address", PASSWORD),
        ("/v1/auth/users/login", "nina@example.com", PASSWORD),
        ("/v1/auth/artists/login", "ada@example.com", PASSWORD),
        ("/v1/auth/artists/login", "nobody@example.com", "x"),
    ] {
        let body = json!({"email": email, "password": password}).to_string();
        let request = world.request(Method::POST, path, "").header("content-type", "application/json");
        // Every answer names its request: here all have one name.
        let answer = world.send(request.header("x-request-id", "same").body(body.into()).unwrap()).await;
        answer.problem(401, "invalid_credentials");
        answers.push((answer.status, answer.headers, answer.body));
    }
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
}

#[tokio::test]
async fn accounts_that_are_blocked_answer_alike_whether_they_exist_or_not() {
    let world = World::build(|core| core.limits.login_failures_in_a_row = 3, |_| ());
    world.listener("ada").await;
    let mut answers = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        let log_in = async |password: &str| {
            let body = json!({"email": email, "password": password}).to_string();
            let request = world.request(Method::POST, "/v1/auth/users/login", "");
            let request = request.header("content-type", "application/json").header("x-request-id", "same");
            world.send(request.body(body.into()).unwrap()).await
        };
        for _ in 0..3 {
            log_in("low tide, low water").await.problem(401, "invalid_credentials");
        }
        for password in [PASSWORD, "low tide, low water"] {
            let answer = log_in(password).await;
            answer.problem(429, "rate_limited");
            answers.push((answer.status, answer.headers, answer.body));
        }
    }
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
}
