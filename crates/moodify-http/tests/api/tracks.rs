//! Finding, reading and deleting tracks.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{Form, World, sample};

fn titles(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|track| track["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_listener_finds_and_reads_a_track() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let track = world.track(&nina, "Slow Tide").await;
    let path = format!("/v1/tracks/{}", track["id"].as_str().unwrap());

    let page = world.get("/v1/tracks?q=slow%20nin", &ada.token).await.json(200);
    assert_eq!(titles(&page), ["Slow Tide"]);
    assert_eq!(page["next_cursor"], Value::Null);

    let answer = world.get(&path, &ada.token).await;
    let read = answer.json(200);
    assert_eq!(read, page["items"][0]);
    assert_eq!(read["artist"], json!({"id": nina.artist_id(), "name": "Nina"}));
    assert_eq!((read["status"].as_str(), read["visibility"].as_str()), (Some("ready"), Some("public")));
    assert_eq!((&read["liked"], &read["play_count"]), (&json!(false), &json!(0)));
    for url in ["audio_url", "cover_url"] {
        assert!(read[url].as_str().unwrap().starts_with("http://music.test/media/"), "{read}");
    }
    assert!(read["urls_expire_at"].as_str().unwrap().ends_with('Z'));
    assert!(read["duration_ms"].as_i64().unwrap().abs_diff(5068) < 100);
}

#[tokio::test]
async fn a_read_honours_its_tag() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let track = world.track(&nina, "Slow Tide").await;
    let path = format!("/v1/tracks/{}", track["id"].as_str().unwrap());
    let answer = world.get(&path, &nina.token).await;
    let etag = answer.header("etag").to_owned();
    assert!(etag.starts_with(&format!("\"{}.", track["version"])), "{etag}");
    let again = world.get_if_none_match(&path, &nina.token, &etag).await;
    again.empty(304);
    assert_eq!(again.header("etag"), etag);
    world.get_if_none_match(&path, &nina.token, "\"other\"").await.json(200);
}

#[tokio::test]
async fn a_tag_dies_with_the_addresses_in_its_answer() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let track = world.track(&nina, "Slow Tide").await;
    let path = format!("/v1/tracks/{}", track["id"].as_str().unwrap());
    let etag = world.get(&path, &nina.token).await.header("etag").to_owned();
    world.clock.advance(std::time::Duration::from_secs(60 * 60));
    let body = json!({"refresh_token": nina.refresh_token});
    let session = world.post("/v1/auth/refresh", "", body).await.json(200);
    let fresh = world.get_if_none_match(&path, session["access_token"].as_str().unwrap(), &etag).await;
    assert_ne!(fresh.json(200)["audio_url"], track["audio_url"]);
}

#[tokio::test]
async fn pages_hold_every_track_once_while_others_upload() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    for number in 0..5 {
        world.track(&nina, &format!("Tune {number}")).await;
    }
    for sort in ["newest", "title", "popular"] {
        let mut seen = Vec::new();
        let mut path = format!("/v1/tracks?limit=2&sort={sort}&q=tune");
        loop {
            let page = world.get(&path, &nina.token).await.json(200);
            assert!(page["items"].as_array().unwrap().len() <= 2);
            seen.extend(titles(&page).into_iter().map(str::to_owned));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/tracks?limit=2&sort={sort}&q=tune&cursor={cursor}");
            world.track(&nina, "Between").await;
        }
        assert_eq!(seen.len(), 5, "{sort}: {seen:?}");
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 5, "{sort}: {seen:?}");
    }
}

#[tokio::test]
async fn lists_are_narrowed_by_artist_and_genre() {
    let world = World::new();
    let (nina, otto) = (world.artist("Nina").await, world.artist("Otto").await);
    world.track_with(&nina, Form::new().text("title", "Folk tune").text("genre", "Folk")).await;
    world.track_with(&nina, Form::new().text("title", "Jazz tune").text("genre", "Jazz")).await;
    world.track_with(&otto, Form::new().text("title", "Other").text("genre", "Jazz")).await;
    let page = world.get(&format!("/v1/tracks?artist_id={}&genre=jazz", nina.artist_id()), &otto.token).await;
    assert_eq!(titles(&page.json(200)), ["Jazz tune"]);
}

#[tokio::test]
async fn wrong_parameters_are_told_together() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let path = "/v1/tracks?artist_id=x&sort=best&limit=101&genre=";
    let errors = world.get(path, &ada.token).await.field_errors();
    let expected = [
        ("/artist_id", "invalid_id"),
        ("/genre", "required"),
        ("/sort", "invalid_value"),
        ("/limit", "out_of_range"),
    ];
    assert_eq!(errors, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    for (query, pointer, code) in [
        ("cursor=x", "/cursor", "invalid_cursor"),
        ("page=2", "/page", "unknown_field"),
        ("limit=1&limit=2", "/limit", "duplicate_field"),
        ("limit=ten", "/limit", "invalid_type"),
        ("limit=0", "/limit", "out_of_range"),
        ("limit=-1", "/limit", "invalid_type"),
    ] {
        let errors = world.get(&format!("/v1/tracks?{query}"), &ada.token).await.field_errors();
        assert_eq!(errors, [(pointer.to_owned(), code.to_owned())], "{query}");
    }
}

#[tokio::test]
async fn private_tracks_do_not_exist_for_others() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let track =
        world.track_with(&nina, Form::new().text("title", "Draft").text("visibility", "private")).await;
    let path = format!("/v1/tracks/{}", track["id"].as_str().unwrap());
    world.get(&path, &nina.token).await.json(200);
    for path in [path.clone(), format!("{path}/audio"), format!("{path}/cover")] {
        world.get(&path, &ada.token).await.problem(404, "track_not_found");
    }
    world.delete(&path, &ada.token).await.problem(404, "track_not_found");
    assert!(titles(&world.get("/v1/tracks", &ada.token).await.json(200)).is_empty());
    let own = format!("/v1/tracks?artist_id={}", nina.artist_id());
    assert_eq!(titles(&world.get(&own, &nina.token).await.json(200)), ["Draft"]);
    assert!(titles(&world.get(&own, &ada.token).await.json(200)).is_empty());
}

#[tokio::test]
async fn only_its_artist_deletes_a_track_and_its_media_goes_too() {
    let world = World::new();
    let (nina, otto) = (world.artist("Nina").await, world.artist("Otto").await);
    let track = world.track(&nina, "Slow Tide").await;
    let path = format!("/v1/tracks/{}", track["id"].as_str().unwrap());
    world.delete(&path, &otto.token).await.problem(403, "not_owner");
    assert_eq!(world.media_keys().await.len(), 3);
    world.delete(&path, &nina.token).await.empty(204);
    world.get(&path, &nina.token).await.problem(404, "track_not_found");
    world.delete(&path, &nina.token).await.problem(404, "track_not_found");
    assert!(world.media_keys().await.is_empty());
}

#[tokio::test]
async fn a_track_that_changed_meanwhile_is_not_deleted() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let track = world.track(&nina, "Slow Tide").await;
    let path = format!("/v1/tracks/{}", track["id"].as_str().unwrap());
    let etag = world.get(&path, &nina.token).await.header("etag").to_owned();
    let changed = world.patch(&path, &nina.token, json!({"title": "Slow Tide (live)"})).await;
    for stale in [&*etag, "\"1\""] {
        let refused = world.delete_if_match(&path, &nina.token, stale).await.problem(412, "stale_version");
        assert_eq!(refused["current_version"], changed.json(200)["version"]);
    }
    world.delete_if_match(&path, &nina.token, "W/\"2\"").await.problem(400, "malformed_if_match");
    assert_eq!(world.media_keys().await.len(), 3);
    world.delete_if_match(&path, &nina.token, changed.header("etag")).await.empty(204);
    assert!(world.media_keys().await.is_empty());
}

#[tokio::test]
async fn stable_addresses_lead_to_signed_ones() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let track = world.track(&nina, "Slow Tide").await;
    let path = format!("/v1/tracks/{}", track["id"].as_str().unwrap());
    for (path, location) in [
        (format!("{path}/audio"), track["audio_url"].as_str().unwrap()),
        (format!("{path}/cover"), track["cover_url"].as_str().unwrap()),
        (format!("{path}/cover?size=640"), track["cover_url"].as_str().unwrap()),
    ] {
        let answer = world.get(&path, &ada.token).await;
        answer.empty(307);
        assert_eq!((answer.header("location"), answer.header("cache-control")), (location, "no-store"));
    }
    let small = world.get(&format!("{path}/cover?size=160"), &ada.token).await;
    assert!(small.header("location").contains("-160.jpg"));
    let errors = world.get(&format!("{path}/cover?size=161"), &ada.token).await.field_errors();
    assert_eq!(errors, [("/size".to_owned(), "invalid_value".to_owned())]);
}

#[tokio::test]
async fn a_track_without_cover_has_no_cover() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let form = Form::new().text("title", "Bare").file("audio", &sample("cbr-mono-untagged.mp3"));
    let track = world.send(form.upload(&nina.token)).await.json(201);
    assert_eq!(track["cover_url"], Value::Null);
    let path = format!("/v1/tracks/{}/cover", track["id"].as_str().unwrap());
    world.get(&path, &nina.token).await.problem(404, "cover_not_found");
}
