//! Where somebody is signed in.

use std::time::Duration;

use http::Method;
use moodify_core::model::EventPayload;
use serde_json::{Value, json};

use crate::support::{Account, Answer, PASSWORD, World};

async fn log_in(world: &World, name: &str, user_agent: &str) -> Account {
    world.clock.advance(Duration::from_secs(1));
    let body = json!({"email": format!("{name}@example.com"), "password": PASSWORD});
    let request = world.request(Method::POST, "/v1/auth/users/login", "");
    let request = request.header("content-type", "application/json").header("user-agent", user_agent);
    Account::from(world.send(request.body(body.to_string().into()).unwrap()).await.json(200))
}

async fn sessions(world: &World, account: &Account) -> Vec<Value> {
    let list = world.get("/v1/me/sessions", &account.token).await.json(200);
    list["items"].as_array().unwrap().clone()
}

async fn refresh(world: &World, account: &Account) -> Answer {
    world.post("/v1/auth/refresh", "", json!({"refresh_token": account.refresh_token})).await
}

#[tokio::test]
async fn sessions_are_listed_with_the_programs_that_began_them() {
    let world = World::new();
    let first = world.listener("ada").await;
    world.listener("bob").await;
    let second = log_in(&world, "ada", "Firefox/150.0 (X11)").await;
    let third = log_in(&world, "ada", &format!("curl/9 \t{}", "x".repeat(1_000))).await;
    world.clock.advance(Duration::from_secs(60));
    refresh(&world, &second).await.json(200);

    let list = sessions(&world, &third).await;
    let [newest, middle, oldest] = list.as_slice() else { panic!("{list:?}") };
    assert_eq!(newest["current"], true);
    assert_eq!(newest["user_agent"].as_str().unwrap().len(), 200);
    assert_eq!(
        *middle,
        json!({
            "id": middle["id"], "current": false, "user_agent": "Firefox/150.0 (X11)",
            "created_at": "2026-01-01T00:00:01Z", "last_used_at": "2026-01-01T00:01:02Z",
            "expires_at": "2026-01-31T00:01:02Z",
        })
    );
    assert_eq!(oldest["user_agent"], Value::Null);
    assert_eq!(sessions(&world, &first).await[2]["current"], true);
}

#[tokio::test]
async fn sessions_come_in_pages() {
    let world = World::new();
    let ada = world.listener("ada").await;
    for n in 0..4 {
        log_in(&world, "ada", &format!("player/{n}")).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/me/sessions?limit=2".to_owned();
    loop {
        let page = world.get(&path, &ada.token).await.json(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["user_agent"].clone()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/me/sessions?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(
        seen,
        [json!("player/3"), json!("player/2"), json!("player/1"), json!("player/0"), Value::Null]
    );
    for (query, pointer, code) in [
        ("limit=0", "/limit", "out_of_range"),
        ("cursor=x", "/cursor", "invalid_cursor"),
        ("owner=bob", "/owner", "unknown_field"),
    ] {
        let errors = world.get(&format!("/v1/me/sessions?{query}"), &ada.token).await.field_errors();
        assert_eq!(errors, [(pointer.to_owned(), code.to_owned())]);
    }
}

#[tokio::test]
async fn one_session_ends_another() {
    let world = World::new();
    let (here, lost) = (world.listener("ada").await, log_in(&world, "ada", "lost phone").await);
    world.news().await;
    let list = sessions(&world, &here).await;
    let path = format!("/v1/me/sessions/{}", list[0]["id"].as_str().unwrap());
    world.delete(&path, &here.token).await.empty(204);
    let news = world.news().await;
    let [EventPayload::SessionRevoked(revoked)] = news.as_slice() else { panic!("{news:?}") };
    assert_eq!(revoked.session_id.to_string(), list[0]["id"]);
    refresh(&world, &lost).await.problem(401, "invalid_token");
    world.get("/v1/me", &lost.token).await.problem(401, "invalid_token");
    world.delete(&path, &here.token).await.problem(404, "session_not_found");
    assert_eq!(sessions(&world, &here).await.len(), 1);
    refresh(&world, &here).await.json(200);
}

#[tokio::test]
async fn nobody_ends_the_session_of_another() {
    let world = World::new();
    let (ada, eve) = (world.listener("ada").await, world.listener("eve").await);
    let id = sessions(&world, &ada).await[0]["id"].clone();
    let path = format!("/v1/me/sessions/{}", id.as_str().unwrap());
    world.delete(&path, &eve.token).await.problem(404, "session_not_found");
    refresh(&world, &ada).await.json(200);
}

#[tokio::test]
async fn the_session_that_asks_can_end_itself() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let id = sessions(&world, &ada).await[0]["id"].clone();
    let path = format!("/v1/me/sessions/{}", id.as_str().unwrap());
    world.delete(&path, &ada.token).await.empty(204);
    refresh(&world, &ada).await.problem(401, "invalid_token");
}

#[tokio::test]
async fn all_sessions_end_at_once_and_each_is_told_of() {
    let world = World::new();
    let (bob, ada) = (world.listener("bob").await, world.listener("ada").await);
    let other = log_in(&world, "ada", "kitchen").await;
    world.news().await;
    world.post_raw("/v1/auth/logout-all", &ada.token, "").await.empty(204);
    let kinds: Vec<_> = world.news().await.iter().map(|payload| payload.kind().as_str()).collect();
    assert_eq!(kinds, ["session_revoked", "session_revoked"]);
    for account in [&ada, &other] {
        refresh(&world, account).await.problem(401, "invalid_token");
        world.get("/v1/me", &account.token).await.problem(401, "invalid_token");
    }
    refresh(&world, &bob).await.json(200);
}
