//! Playlists.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Account, Answer, World};

const NOWHERE: &str = "01890000-0000-7000-8000-000000000000";

fn path(playlist: &Value) -> String {
    format!("/v1/playlists/{}", playlist["id"].as_str().unwrap())
}

fn titles(playlist: &Value) -> Vec<&str> {
    playlist["entries"].as_array().unwrap().iter().map(|e| e["track"]["title"].as_str().unwrap()).collect()
}

async fn add_if_match(world: &World, account: &Account, path: &str, body: Value, tag: &str) -> Answer {
    let request = world.request(Method::POST, &format!("{path}/tracks"), &account.token);
    let request = request.header("content-type", "application/json").header("if-match", tag);
    world.send(request.body(body.to_string().into()).unwrap()).await
}

#[tokio::test]
async fn a_playlist_is_made_read_and_changed() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let one = world.track(&nina, "One").await["id"].clone();
    let two = world.track(&nina, "Two").await["id"].clone();

    let body = json!({"title": "Sunday", "track_ids": [one, one]});
    let created = world.post("/v1/playlists", &ada.token, body).await;
    let playlist = created.json(201);
    let path = path(&playlist);
    assert_eq!(created.header("location"), path);
    assert_eq!((titles(&playlist), &playlist["version"]), (vec!["One", "One"], &json!(1)));
    assert_eq!((&playlist["description"], &playlist["visibility"]), (&json!(""), &json!("public")));
    assert_eq!(playlist["owner_id"], ada.body["id"]);

    let body = json!({"track_ids": [two], "position": 1});
    let changed = world.post(&format!("{path}/tracks"), &ada.token, body).await.json(200);
    assert_eq!((titles(&changed), &changed["entry_count"]), (vec!["One", "Two", "One"], &json!(3)));

    let entry = changed["entries"][0]["id"].as_str().unwrap();
    let changed = world.delete(&format!("{path}/tracks/{entry}"), &ada.token).await.json(200);
    assert_eq!((titles(&changed), &changed["version"]), (vec!["Two", "One"], &json!(3)));
    assert_eq!(world.get(&path, &nina.token).await.json(200), changed);
    let gone = world.delete(&format!("{path}/tracks/{entry}"), &ada.token).await;
    gone.problem(404, "entry_not_found");
}

#[tokio::test]
async fn a_stale_version_is_refused_with_the_current_one() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let track = world.track(&nina, "One").await["id"].clone();
    let created = world.post("/v1/playlists", &nina.token, json!({"title": "P"})).await;
    let (playlist, etag) = (created.json(201), created.header("etag").to_owned());
    let path = path(&playlist);
    let body = json!({"track_ids": [track]});

    let first = add_if_match(&world, &nina, &path, body.clone(), &etag).await;
    assert_eq!(first.json(200)["version"], 2);
    let stale = add_if_match(&world, &nina, &path, body.clone(), &etag).await;
    assert_eq!(stale.problem(412, "stale_version")["current_version"], 2);
    add_if_match(&world, &nina, &path, body.clone(), "\"2\"").await.json(200);
    add_if_match(&world, &nina, &path, body.clone(), "*").await.json(200);
    for malformed in ["2", "W/\"2\"", "\"a\"", "\"1\", \"2\"", "\"\u{e4}\""] {
        let answer = add_if_match(&world, &nina, &path, body.clone(), malformed).await;
        answer.problem(400, "malformed_if_match");
    }
    let read = world.get(&path, &nina.token).await;
    assert_eq!(read.json(200)["version"], 4);
    world.get_if_none_match(&path, &nina.token, read.header("etag")).await.empty(304);
}

#[tokio::test]
async fn lists_show_only_ones_own_in_pages() {
    let world = World::new();
    let (ada, bob) = (world.listener("ada").await, world.listener("bob").await);
    for number in 0..3 {
        world.clock.advance(std::time::Duration::from_millis(1));
        world.post("/v1/playlists", &ada.token, json!({"title": format!("P{number}")})).await.json(201);
    }
    world.post("/v1/playlists", &bob.token, json!({"title": "Bob's"})).await.json(201);
    let page = world.get("/v1/playlists?owner=me&limit=2", &ada.token).await.json(200);
    let titles = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|p| p["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(&page), ["P2", "P1"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("/v1/playlists?limit=2&cursor={cursor}"), &ada.token).await.json(200);
    assert_eq!((titles(&rest), &rest["next_cursor"]), (vec!["P0".to_owned()], &Value::Null));
    for (query, pointer) in
        [("owner=bob", "/owner"), ("limit=0", "/limit"), ("cursor=!", "/cursor"), ("q=x", "/q")]
    {
        let errors = world.get(&format!("/v1/playlists?{query}"), &ada.token).await.field_errors();
        assert_eq!(errors[0].0, pointer);
    }
}

#[tokio::test]
async fn others_see_no_private_playlist_and_change_none() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let track = world.track(&nina, "One").await["id"].clone();
    let body = json!({"track_ids": [track]});
    for (visibility, status, code) in [("private", 404, "playlist_not_found"), ("unlisted", 403, "not_owner")]
    {
        let new = json!({"title": "P", "visibility": visibility, "track_ids": [track]});
        let playlist = world.post("/v1/playlists", &ada.token, new).await.json(201);
        let path = path(&playlist);
        let entry = playlist["entries"][0]["id"].as_str().unwrap();
        world.post(&format!("{path}/tracks"), &nina.token, body.clone()).await.problem(status, code);
        world.delete(&format!("{path}/tracks/{entry}"), &nina.token).await.problem(status, code);
        assert_eq!(world.get(&path, &nina.token).await.status.is_success(), visibility != "private");
    }
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let body = json!({"title": "", "description": "x".repeat(2001), "visibility": "hidden", "track_ids": ["x", NOWHERE]});
    let errors = world.post("/v1/playlists", &ada.token, body).await.field_errors();
    let pointers: Vec<&str> = errors.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(pointers, ["/title", "/description", "/visibility", "/track_ids/0"]);

    let body = json!({"title": "P", "track_ids": [NOWHERE]});
    let errors = world.post("/v1/playlists", &ada.token, body).await.field_errors();
    assert_eq!(errors, [("/track_ids/0".to_owned(), "unknown_track".to_owned())]);

    let playlist = world.post("/v1/playlists", &ada.token, json!({"title": "P"})).await.json(201);
    let path = format!("{}/tracks", path(&playlist));
    for (body, pointer, code) in [
        (json!({"track_ids": []}), "/track_ids", "required"),
        (json!({"track_ids": vec![NOWHERE; 101]}), "/track_ids", "too_many"),
        (json!({"track_ids": [NOWHERE], "position": -1}), "/position", "invalid_value"),
        (json!({"track_ids": NOWHERE}), "/track_ids", "invalid_type"),
        (json!({}), "/track_ids", "required"),
    ] {
        let errors = world.post(&path, &ada.token, body).await.field_errors();
        assert_eq!(errors, [(pointer.to_owned(), code.to_owned())]);
    }
}
