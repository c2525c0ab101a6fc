//! Changing tracks and playlists, and who may.

use http::Method;
use moodify_core::model::EventPayload;
use moodify_core::port::{Clock, Outbox};
use serde_json::{Value, json};

use crate::support::{Account, Form, World};

fn path(thing: &str, body: &Value) -> String {
    format!("/v1/{thing}/{}", body["id"].as_str().unwrap())
}

fn entry_path(playlist: &Value, index: usize) -> String {
    format!("{}/tracks/{}", path("playlists", playlist), playlist["entries"][index]["id"].as_str().unwrap())
}

/// The titles of the entries in order; `-` for one whose track is hidden.
fn titles(playlist: &Value) -> Vec<&str> {
    let entries = playlist["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["track"]["title"].as_str().unwrap_or("-")).collect()
}

async fn private_track(world: &World, artist: &Account) -> Value {
    world.track_with(artist, Form::new().text("title", "Draft").text("visibility", "private")).await
}

/// The visibilities that the waiting `track_published` events tell of this track.
async fn announced(world: &World, track: &Value) -> Vec<&'static str> {
    let events = world.store.lease(1000, world.clock.now(), std::time::Duration::ZERO).await.unwrap();
    let mut told = Vec::new();
    for event in events {
        if let EventPayload::TrackPublished(published) = event.payload
            && track["id"] == published.track_id.to_string()
        {
            told.push(published.visibility.as_str());
        }
    }
    told
}

#[tokio::test]
async fn an_artist_changes_a_track() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let form = Form::new().text("title", "Slow Tide").text("genre", "Folk");
    let track = world.track_with(&nina, form).await;
    let path = path("tracks", &track);

    let answer = world.patch(&path, &nina.token, json!({"title": " Cafe\u{301} ", "genre": null})).await;
    let changed = answer.json(200);
    assert_eq!((&changed["title"], &changed["genre"]), (&json!("Café"), &Value::Null));
    assert!(changed["version"].as_i64() > track["version"].as_i64());
    assert!(answer.header("etag").starts_with(&format!("\"{}.", changed["version"])));
    assert_eq!(world.get(&path, &ada.token).await.json(200), changed);
    let found = async |q: &str| {
        let page = world.get(&format!("/v1/tracks?q={q}"), &ada.token).await.json(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!((found("cafe").await, found("nina").await, found("slow").await), (1, 1, 0));

    let changed = world.patch(&path, &nina.token, json!({"genre": "Jazz"})).await.json(200);
    assert_eq!((&changed["title"], &changed["genre"]), (&json!("Café"), &json!("Jazz")));
    let changed = world.patch(&path, &nina.token, json!({"visibility": "private"})).await.json(200);
    assert_eq!((&changed["genre"], &changed["visibility"]), (&json!("Jazz"), &json!("private")));
    world.get(&path, &ada.token).await.problem(404, "track_not_found");
    assert_eq!(found("cafe").await, 0);
}

#[tokio::test]
async fn a_stale_change_of_a_track_is_refused_with_the_current_version() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let created = world.track(&nina, "One").await;
    let path = path("tracks", &created);
    let etag = world.get(&path, &nina.token).await.header("etag").to_owned();
    let body = json!({"title": "Two"});
    let changed = world.patch_if_match(&path, &nina.token, body.clone(), &etag).await.json(200);
    let stale = world.patch_if_match(&path, &nina.token, json!({"title": "Three"}), &etag).await;
    assert_eq!(stale.problem(412, "stale_version")["current_version"], changed["version"]);
    assert_eq!(world.get(&path, &nina.token).await.json(200)["title"], "Two");
    world.patch_if_match(&path, &nina.token, body, "7").await.problem(400, "malformed_if_match");
}

#[tokio::test]
async fn only_its_artist_changes_a_track() {
    let world = World::new();
    let (nina, otto, ada) =
        (world.artist("Nina").await, world.artist("Otto").await, world.listener("ada").await);
    let (open, hidden) = (world.track(&nina, "One").await, private_track(&world, &nina).await);
    for account in [&otto, &ada] {
        let body = json!({"visibility": "public"});
        world.patch(&path("tracks", &open), &account.token, body.clone()).await.problem(403, "not_owner");
        world.patch(&path("tracks", &hidden), &account.token, body).await.problem(404, "track_not_found");
    }
    world.patch(&path("tracks", &open), "", json!({})).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn wrong_changes_are_named() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let track = world.track(&nina, "One").await;
    let playlist = world.post("/v1/playlists", &nina.token, json!({"title": "P"})).await.json(201);
    let (track, playlist) = (path("tracks", &track), path("playlists", &playlist));
    for (path, body, pointer, code) in [
        (&track, json!({"title": ""}), "/title", "required"),
        (&track, json!({"title": null}), "/title", "invalid_type"),
        (&track, json!({"genre": ""}), "/genre", "required"),
        (&track, json!({"genre": 7}), "/genre", "invalid_type"),
        (&track, json!({"visibility": null}), "/visibility", "invalid_type"),
        (&track, json!({"visibility": "hidden"}), "/visibility", "invalid_visibility"),
        (&track, json!({"play_count": 7}), "/play_count", "unknown_field"),
        (&playlist, json!({"title": null}), "/title", "invalid_type"),
        (&playlist, json!({"description": null}), "/description", "invalid_type"),
        (&playlist, json!({"description": "x".repeat(2001)}), "/description", "too_long"),
        (&playlist, json!({"owner_id": "x"}), "/owner_id", "unknown_field"),
    ] {
        let errors = world.patch(path, &nina.token, body.clone()).await.field_errors();
        assert_eq!(errors, [(pointer.to_owned(), code.to_owned())], "{body}");
    }
    let unchanged = world.patch(&track, &nina.token, json!({})).await.json(200);
    assert_eq!(unchanged["title"], "One");
}

#[tokio::test]
async fn a_release_is_announced_when_it_is_public_for_the_first_time() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let open = world.track(&nina, "One").await;
    let hidden = private_track(&world, &nina).await;
    assert_eq!(announced(&world, &open).await, ["public"]);
    assert_eq!(announced(&world, &hidden).await, ["private"]);
    for track in [&open, &hidden] {
        for visibility in ["unlisted", "public", "private", "public"] {
            let body = json!({"visibility": visibility});
            world.patch(&path("tracks", track), &nina.token, body).await.json(200);
        }
    }
    assert_eq!(announced(&world, &open).await, ["public"]);
    assert_eq!(announced(&world, &hidden).await, ["private", "public"]);
}

#[tokio::test]
async fn a_release_that_is_hidden_is_told_to_those_who_announce_it() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let (open, draft) = (world.track(&nina, "One").await, private_track(&world, &nina).await);
    let hidden = async || {
        let news = world.news().await.into_iter();
        let hidden = news.filter_map(|payload| match payload {
            EventPayload::TrackHidden(hidden) => Some(json!(hidden.track_id)),
            _ => None,
        });
        hidden.collect::<Vec<_>>()
    };
    for (track, change, told) in [
        (&open, json!({"title": "Two"}), false),
        (&draft, json!({"visibility": "unlisted"}), false),
        (&open, json!({"visibility": "private"}), true),
        (&open, json!({"title": "Three"}), false),
        (&open, json!({"visibility": "public"}), false),
        (&open, json!({"visibility": "unlisted"}), true),
    ] {
        world.patch(&path("tracks", track), &nina.token, change.clone()).await.json(200);
        let expected = if told { vec![track["id"].clone()] } else { Vec::new() };
        assert_eq!(hidden().await, expected, "{change}");
    }
}

#[tokio::test]
async fn an_owner_changes_and_deletes_a_playlist() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let track = world.track(&nina, "One").await["id"].clone();
    let body = json!({"title": "P", "description": "Long", "track_ids": [track]});
    let created = world.post("/v1/playlists", &ada.token, body).await;
    let (playlist, etag) = (created.json(201), created.header("etag").to_owned());
    let path = path("playlists", &playlist);

    let body = json!({"title": "Q", "description": "", "visibility": "unlisted"});
    let changed = world.patch_if_match(&path, &ada.token, body, &etag).await.json(200);
    assert_eq!((&changed["title"], &changed["description"]), (&json!("Q"), &json!("")));
    assert_eq!((&changed["visibility"], &changed["version"]), (&json!("unlisted"), &json!(2)));
    assert_eq!(titles(&changed), ["One"]);
    assert_eq!(world.get(&path, &nina.token).await.json(200), changed);

    let stale = world.patch_if_match(&path, &ada.token, json!({"title": "R"}), &etag).await;
    assert_eq!(stale.problem(412, "stale_version")["current_version"], 2);
    let stale = world.delete_if_match(&path, &ada.token, &etag).await;
    assert_eq!(stale.problem(412, "stale_version")["current_version"], 2);
    world.delete_if_match(&path, &ada.token, "x").await.problem(400, "malformed_if_match");
    world.delete_if_match(&path, &ada.token, "\"2\"").await.empty(204);
    world.get(&path, &ada.token).await.problem(404, "playlist_not_found");
    world.delete(&path, &ada.token).await.problem(404, "playlist_not_found");
    let own = world.get("/v1/playlists?owner=me", &ada.token).await.json(200);
    assert_eq!(own["items"], json!([]));
}

#[tokio::test]
async fn entries_move() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let mut ids = Vec::new();
    for title in ["A", "B", "C"] {
        ids.push(world.track(&nina, title).await["id"].clone());
    }
    let body = json!({"title": "P", "track_ids": ids});
    let playlist = world.post("/v1/playlists", &ada.token, body).await.json(201);
    let entry = entry_path(&playlist, 0);
    for (position, expected) in
        [(2, ["B", "C", "A"]), (0, ["A", "B", "C"]), (1, ["B", "A", "C"]), (9, ["B", "C", "A"])]
    {
        let moved = world.patch(&entry, &ada.token, json!({"position": position})).await.json(200);
        assert_eq!(titles(&moved), expected);
    }
    let body = json!({"position": 0});
    let stale = world.patch_if_match(&entry, &ada.token, body.clone(), "\"1\"").await;
    assert_eq!(stale.problem(412, "stale_version")["current_version"], 5);
    world.patch(&entry, &nina.token, body.clone()).await.problem(403, "not_owner");
    let unknown = format!("{}/tracks/{}", path("playlists", &playlist), nina.artist_id());
    world.patch(&unknown, &ada.token, body).await.problem(404, "entry_not_found");
    for (body, code) in [
        (json!({}), "required"),
        (json!({"position": -1}), "invalid_value"),
        (json!({"position": null}), "invalid_type"),
        (json!({"position": 4_294_967_296_u64}), "invalid_value"),
    ] {
        let errors = world.patch(&entry, &ada.token, body).await.field_errors();
        assert_eq!(errors, [("/position".to_owned(), code.to_owned())]);
    }
}

#[tokio::test]
async fn others_neither_see_nor_change_a_private_playlist() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let track = world.track(&nina, "One").await["id"].clone();
    for (visibility, status, code) in [("private", 404, "playlist_not_found"), ("unlisted", 403, "not_owner")]
    {
        let new = json!({"title": "P", "visibility": visibility, "track_ids": [track]});
        let playlist = world.post("/v1/playlists", &ada.token, new).await.json(201);
        let (path, entry) = (path("playlists", &playlist), entry_path(&playlist, 0));
        world.patch(&path, &nina.token, json!({"title": "Mine"})).await.problem(status, code);
        world.patch(&entry, &nina.token, json!({"position": 0})).await.problem(status, code);
        world.delete(&path, &nina.token).await.problem(status, code);
        let seen = world.get(&format!("{path}/tracks"), &nina.token).await;
        assert_eq!(seen.status.is_success(), visibility != "private");
        assert_eq!(world.get(&path, &ada.token).await.json(200), playlist);
    }
}

#[tokio::test]
async fn what_became_private_keeps_its_place_and_tells_nothing() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let (open, hidden) = (world.track(&nina, "Open").await, world.track(&nina, "Secret").await);
    let body = json!({"title": "P", "track_ids": [open["id"], hidden["id"], open["id"]]});
    let playlist = world.post("/v1/playlists", &ada.token, body).await.json(201);
    let path = path("playlists", &playlist);
    let hide = json!({"visibility": "private"});
    world.patch(&format!("/v1/tracks/{}", hidden["id"].as_str().unwrap()), &nina.token, hide).await.json(200);

    let entries = format!("{path}/tracks");
    for path in [&path, &entries] {
        let text = world.get(path, &ada.token).await.text();
        for secret in ["Secret", hidden["id"].as_str().unwrap(), "private"] {
            assert!(!text.contains(secret), "{text}");
        }
        let media = hidden["audio_url"].as_str().unwrap().split('?').next().unwrap().to_owned();
        assert!(!text.contains(&media), "{text}");
    }
    let seen = world.get(&path, &ada.token).await.json(200);
    assert_eq!((titles(&seen), &seen["entry_count"]), (vec!["Open", "-", "Open"], &json!(3)));
    assert_eq!(seen["entries"][1]["track"], Value::Null);
    assert_eq!(seen["entries"][1]["id"], playlist["entries"][1]["id"]);
    assert_eq!(titles(&world.get(&path, &nina.token).await.json(200)), ["Open", "Secret", "Open"]);
    // The owner of the playlist moves it and clears it like any other.
    let entry = entry_path(&playlist, 1);
    let moved = world.patch(&entry, &ada.token, json!({"position": 2})).await.json(200);
    assert_eq!(titles(&moved), ["Open", "Open", "-"]);
    let cleared = world.delete(&entry, &ada.token).await.json(200);
    assert_eq!(titles(&cleared), ["Open", "Open"]);
}

#[tokio::test]
async fn a_long_playlist_comes_in_pages() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let track = world.track(&nina, "One").await["id"].clone();
    let body = json!({"title": "P", "track_ids": vec![track.clone(); 100]});
    let playlist = world.post("/v1/playlists", &ada.token, body).await.json(201);
    assert_eq!(playlist["next_cursor"], Value::Null);
    let path = path("playlists", &playlist);
    let entries = format!("{path}/tracks");
    let more = json!({"track_ids": vec![track; 30], "position": 0});
    let playlist = world.post(&entries, &ada.token, more).await.json(200);
    assert_eq!((playlist["entries"].as_array().unwrap().len(), &playlist["entry_count"]), (100, &json!(130)));

    let ids = |items: &Value| -> Vec<String> {
        items.as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap().to_owned()).collect()
    };
    let cursor = playlist["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("{entries}?limit=100&cursor={cursor}"), &ada.token).await.json(200);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (30, &Value::Null));
    let mut seen = ids(&playlist["entries"]);
    seen.extend(ids(&rest["items"]));

    let (mut paged, mut next) = (Vec::new(), entries.clone());
    loop {
        let page = world.get(&next, &ada.token).await.json(200);
        paged.extend(ids(&page["items"]));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("{entries}?cursor={cursor}");
    }
    assert_eq!(paged, seen);
    for (query, pointer, code) in [
        ("limit=0", "/limit", "out_of_range"),
        ("limit=101", "/limit", "out_of_range"),
        ("cursor=x", "/cursor", "invalid_cursor"),
        // {"ranking":0,"rank":"'"} and {"ranking":9,"rank":"80000000"}
        ("cursor=eyJyYW5raW5nIjowLCJyYW5rIjoiJyJ9", "/cursor", "invalid_cursor"),
        ("cursor=eyJyYW5raW5nIjo5LCJyYW5rIjoiODAwMDAwMDAifQ", "/cursor", "invalid_cursor"),
        ("q=x", "/q", "unknown_field"),
    ] {
        let errors = world.get(&format!("{entries}?{query}"), &ada.token).await.field_errors();
        assert_eq!(errors, [(pointer.to_owned(), code.to_owned())], "{query}");
    }
    let unsupported =
        world.request(Method::PUT, &entries, &ada.token).body(axum::body::Body::empty()).unwrap();
    assert_eq!(world.send(unsupported).await.header("allow"), "GET,HEAD,POST");
}
