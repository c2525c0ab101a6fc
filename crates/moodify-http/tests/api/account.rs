//! The account that somebody has: its names, its role, its end.

use moodify_core::model::EventPayload;
use serde_json::{Value, json};

use crate::support::{Account, Form, PASSWORD, World, sample};

async fn refreshed(world: &World, account: &Account) -> Account {
    let body = json!({"refresh_token": account.refresh_token});
    Account::from(world.post("/v1/auth/refresh", "", body).await.json(200))
}

#[tokio::test]
async fn a_listener_becomes_an_artist_and_uploads_after_a_refresh() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let upload = || Form::new().text("title", "Slow Tide").file("audio", &sample("cbr-mono-id3v1.mp3"));
    world.send(upload().upload(&ada.token)).await.problem(403, "artist_only");
    world.news().await;

    let account = world.post("/v1/me/artist", &ada.token, json!({"artist_name": "Ada"})).await.json(200);
    assert_eq!(account["role"], "artist");
    assert_eq!(account["id"], ada.body["id"]);
    let news = world.news().await;
    let [EventPayload::RoleChanged(changed)] = news.as_slice() else { panic!("{news:?}") };
    assert_eq!(changed.artist_id.unwrap().to_string(), account["artist_id"]);
    assert_eq!(changed.account_id.to_string(), account["id"]);

    let ada = refreshed(&world, &ada).await;
    assert_eq!(ada.body, account);
    let track = world.send(upload().upload(&ada.token)).await.json(201);
    assert_eq!(track["artist"]["id"], account["artist_id"]);
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    world.post("/v1/auth/users/login", "", body.clone()).await.problem(401, "invalid_credentials");
    world.post("/v1/auth/artists/login", "", body).await.json(200);
}

#[tokio::test]
async fn nobody_becomes_an_artist_twice() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let become_artist = |name: &str| world.post("/v1/me/artist", &ada.token, json!({"artist_name": name}));
    become_artist("Ada").await.json(200);
    become_artist("Another").await.problem(409, "already_artist");
    let nina = world.artist("nina").await;
    let answer = world.post("/v1/me/artist", &nina.token, json!({"artist_name": "N"})).await;
    answer.problem(409, "already_artist");
    assert_eq!(world.get("/v1/me", &ada.token).await.json(200)["role"], "artist");
}

#[tokio::test]
async fn becoming_an_artist_ends_the_other_sessions() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let other = Account::from(world.post("/v1/auth/users/login", "", body).await.json(200));
    world.post("/v1/me/artist", &ada.token, json!({"artist_name": "Ada"})).await.json(200);
    let body = json!({"refresh_token": other.refresh_token});
    world.post("/v1/auth/refresh", "", body).await.problem(401, "invalid_token");
    let kinds: Vec<_> = world.news().await.iter().map(|payload| payload.kind().as_str()).collect();
    assert_eq!(kinds[2..], ["role_changed", "session_revoked"]);
}

#[tokio::test]
async fn names_change_and_everybody_hears_of_it() {
    let world = World::new();
    let nina = world.artist("nina").await;
    world.news().await;
    let body = json!({"first_name": " Nina ", "artist_name": "Nina and the Waves"});
    let account = world.patch("/v1/me", &nina.token, body).await.json(200);
    assert_eq!(account["first_name"], "Nina");
    assert_eq!(account["last_name"], "Artist");
    assert_eq!(world.get("/v1/me", &nina.token).await.json(200), account);
    let news = world.news().await;
    let [EventPayload::AccountUpdated(updated)] = news.as_slice() else { panic!("{news:?}") };
    assert_eq!(updated.artist_name.as_ref().unwrap().as_str(), "Nina and the Waves");
    assert_eq!(updated.first_name.as_str(), "Nina");
    assert!(!updated.email_verified);
    assert_eq!(world.moodify.accounts().authenticate(&nina.token).await.unwrap().name, "nina");
    let nina = refreshed(&world, &nina).await;
    assert_eq!(world.moodify.accounts().authenticate(&nina.token).await.unwrap().name, "Nina and the Waves");
}

#[tokio::test]
async fn a_change_of_nothing_is_none() {
    let world = World::new();
    let ada = world.listener("ada").await;
    world.news().await;
    for body in [json!({}), json!({"first_name": "ada"}), json!({"last_name": null})] {
        assert_eq!(world.patch("/v1/me", &ada.token, body).await.json(200), ada.body);
    }
    assert_eq!(world.news().await, []);
}

#[tokio::test]
async fn names_that_are_none() {
    let world = World::new();
    let ada = world.listener("ada").await;
    world.news().await;
    for (body, pointer, code) in [
        (json!({"first_name": ""}), "/first_name", "required"),
        (json!({"last_name": "a\r\nBcc: eve@example.com"}), "/last_name", "control_character"),
        (json!({"last_name": "x".repeat(101)}), "/last_name", "too_long"),
        (json!({"first_name": {"$ne": null}}), "/first_name", "invalid_type"),
        (json!({"artist_name": "Ada"}), "/artist_name", "not_an_artist"),
        (json!({"email": "eve@example.com"}), "/email", "unknown_field"),
        (json!({"email_verified": true}), "/email_verified", "unknown_field"),
        (json!({"role": "artist"}), "/role", "unknown_field"),
    ] {
        let errors = world.patch("/v1/me", &ada.token, body).await.field_errors();
        assert_eq!(errors, [(pointer.to_owned(), code.to_owned())]);
    }
    assert_eq!(world.get("/v1/me", &ada.token).await.json(200), ada.body);
    assert_eq!(world.news().await, []);
}

#[tokio::test]
async fn a_deleted_account_is_gone_at_once() {
    let world = World::new();
    let nina = world.artist("nina").await;
    let body = json!({"email": "nina@example.com", "password": PASSWORD});
    let other = Account::from(world.post("/v1/auth/artists/login", "", body.clone()).await.json(200));
    world.news().await;

    world.delete("/v1/me", &nina.token).await.empty(204);
    let news = world.news().await;
    let [EventPayload::AccountDeleted(deleted)] = news.as_slice() else { panic!("{news:?}") };
    assert_eq!(deleted.artist_id.unwrap().to_string(), nina.artist_id());
    for Account { token, refresh_token, .. } in [&nina, &other] {
        let body = json!({"refresh_token": refresh_token});
        world.post("/v1/auth/refresh", "", body).await.problem(401, "invalid_token");
        world.get("/v1/me", token).await.problem(401, "invalid_token");
        world.delete("/v1/me", token).await.problem(401, "invalid_token");
    }
    world.post("/v1/auth/artists/login", "", body).await.problem(401, "invalid_credentials");
    assert_eq!(world.news().await, []);
    // The address is free, and whoever takes it is somebody else.
    assert_ne!(world.artist("nina").await.body["id"], nina.body["id"]);
}

/// What changes an account looks whether the session of the access token has ended.
#[tokio::test]
async fn the_account_is_closed_to_a_session_that_has_ended() {
    let world = World::new();
    let ada = world.listener("ada").await;
    world.post_raw("/v1/auth/logout", &ada.token, "").await.empty(204);
    world.news().await;
    let change = json!({"current_password": PASSWORD, "new_password": "low tide, low water"});
    for (path, body) in [
        ("/v1/me/artist", json!({"artist_name": "Ada"})),
        ("/v1/auth/password/change", change),
        ("/v1/auth/email/resend", Value::Null),
        ("/v1/auth/logout-all", Value::Null),
    ] {
        world.post(path, &ada.token, body).await.problem(401, "invalid_token");
    }
    world.patch("/v1/me", &ada.token, json!({"first_name": "Eve"})).await.problem(401, "invalid_token");
    for path in ["/v1/me", "/v1/me/sessions"] {
        world.get(path, &ada.token).await.problem(401, "invalid_token");
    }
    for path in ["/v1/me", "/v1/me/sessions/01890000-0000-7000-8000-000000000000"] {
        world.delete(path, &ada.token).await.problem(401, "invalid_token");
    }
    assert_eq!(world.news().await, []);
}
