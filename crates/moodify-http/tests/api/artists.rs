//! Artists, and what they learn of their listeners.

use std::time::Duration;

use moodify_core::model::EventPayload;
use moodify_core::port::{Clock, Outbox};
use moodify_core::service::delivery::Handler;
use serde_json::{Value, json};

use crate::support::{Account, Form, World};

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|artist| artist["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn artists_are_found_by_name_the_most_followed_first() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let mut artists = Vec::new();
    for name in ["Nina Tide", "Nino", "Otto"] {
        let artist = world.artist(name.split(' ').next().unwrap()).await;
        world.track(&artist, "Song").await;
        artists.push(artist);
    }
    world.put(&format!("/v1/me/follows/{}", artists[0].artist_id()), &ada.token).await.empty(204);
    for (query, expected) in [
        ("", vec!["Nina", "Otto", "Nino"]),
        ("q=NIN", vec!["Nina", "Nino"]),
        ("q=x", vec![]),
        ("q=ino", vec![]),
    ] {
        let page = world.get(&format!("/v1/artists?{query}"), &ada.token).await.json(200);
        assert_eq!(names(&page), expected, "{query}");
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.get(&format!("/v1/artists?limit=1&{query}{cursor}"), &ada.token).await.json(200);
            found.extend(names(&page).into_iter().map(str::to_owned));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, expected, "{query}");
    }
    let long = "x".repeat(1001);
    let errors = world.get(&format!("/v1/artists?q={long}"), &ada.token).await.field_errors();
    assert_eq!(errors, [("/q".to_owned(), "too_long".to_owned())]);
}

#[tokio::test]
async fn an_upload_by_an_old_token_does_not_bring_an_old_name_back() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    world.track(&nina, "Before").await;
    world.news().await;
    let mut renames = Vec::new();
    for name in ["Nina and the Tides", "Nina and the Waves"] {
        world.clock.advance(Duration::from_secs(1));
        world.patch("/v1/me", &nina.token, json!({"artist_name": name})).await.json(200);
        renames.extend(world.store.lease(10, world.clock.now(), Duration::ZERO).await.unwrap());
    }
    // The worker hands them over side by side: the later one may be done first.
    for rename in renames.iter().rev() {
        world.moodify.catalog().handle(rename).await.unwrap();
    }
    world.news().await;
    let track = world.track(&nina, "After").await;
    assert_eq!(track["artist"]["name"], "Nina and the Waves");
    let artist = world.get(&format!("/v1/artists/{}", nina.artist_id()), &nina.token).await.json(200);
    assert_eq!(artist["name"], "Nina and the Waves");
    let news = world.news().await;
    let EventPayload::TrackPublished(published) = &news[0] else { panic!("{news:?}") };
    assert_eq!(published.artist_name.as_str(), "Nina and the Waves");
}

#[tokio::test]
async fn an_artists_page_shows_the_own_drafts_to_nobody_else() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let path = format!("/v1/artists/{}", nina.artist_id());
    // Until the event of the sign-up has come, the music service knows of nobody but who asks.
    world.get(&path, &ada.token).await.problem(404, "artist_not_found");
    world.get(&format!("{path}/tracks"), &ada.token).await.problem(404, "artist_not_found");
    let own = world.get(&path, &nina.token).await.json(200);
    assert_eq!((&own["name"], &own["track_count"]), (&json!("Nina"), &json!(0)));
    assert_eq!(world.get(&path, &ada.token).await.json(200), own);

    world.track(&nina, "Song").await;
    world.track_with(&nina, Form::new().text("title", "Draft").text("visibility", "private")).await;
    let titles = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|track| track["title"].as_str().unwrap().to_owned()).collect()
    };
    let tracks = format!("{path}/tracks");
    assert_eq!(titles(&world.get(&tracks, &ada.token).await.json(200)), ["Song"]);
    assert_eq!(titles(&world.get(&tracks, &nina.token).await.json(200)), ["Draft", "Song"]);
    let first = world.get(&format!("{tracks}?limit=1"), &nina.token).await.json(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("{tracks}?limit=1&cursor={cursor}"), &nina.token).await.json(200);
    assert_eq!(titles(&rest), ["Song"]);
    assert_eq!(world.get(&path, &nina.token).await.json(200)["track_count"], 1);
}

#[tokio::test]
async fn who_signs_up_as_an_artist_can_be_found_and_followed_at_once() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    world.tell_music().await;
    let path = format!("/v1/artists/{}", nina.artist_id());
    let seen = world.get(&path, &ada.token).await.json(200);
    assert_eq!((&seen["name"], &seen["track_count"]), (&json!("Nina"), &json!(0)));
    let follow = format!("/v1/me/follows/{}", nina.artist_id());
    world.put(&follow, &ada.token).await.empty(204);
    assert_eq!(world.get(&path, &ada.token).await.json(200)["follower_count"], 1);
}

async fn play(world: &World, account: &Account, track: &Value, play_id: &str, started_at: &str) {
    let path = format!("/v1/tracks/{}/plays", track["id"].as_str().unwrap());
    let body = json!({"play_id": play_id, "started_at": started_at, "played_ms": 5_000});
    let answer = world.post(&path, &account.token, body).await.json(200);
    assert_eq!(answer, json!({"counted": true}));
}

#[tokio::test]
async fn statistics_tell_days_and_tracks() {
    let world = World::new();
    let (nina, ada, bob) =
        (world.artist("Nina").await, world.listener("ada").await, world.listener("bob").await);
    let (one, two) = (world.track(&nina, "One").await, world.track(&nina, "Two").await);
    world.put(&format!("/v1/me/follows/{}", nina.artist_id()), &ada.token).await.empty(204);
    world.clock.advance(Duration::from_secs(5 * 60));
    play(&world, &ada, &one, "a", "2025-12-31T23:59:30Z").await;
    play(&world, &ada, &one, "b", "2026-01-01T00:00:00Z").await;
    play(&world, &ada, &two, "c", "2026-01-01T00:01:00Z").await;
    play(&world, &bob, &one, "d", "2026-01-01T00:02:00+00:00").await;

    let path = "/v1/me/artist/stats?from=2025-12-31&to=2026-01-01";
    let stats = world.get(path, &nina.token).await.json(200);
    let day = |date, plays, listeners, followers, gained| {
        json!({"date": date, "plays": plays, "listeners": listeners, "followers": followers,
               "followers_gained": gained, "followers_lost": 0})
    };
    let track = |track: &Value, plays, listeners| json!({"id": track["id"], "title": track["title"], "plays": plays, "listeners": listeners});
    assert_eq!(
        stats,
        json!({
            "from": "2025-12-31", "to": "2026-01-01",
            "totals": {"plays": 4, "listeners": 2, "followers": 1, "followers_gained": 1, "followers_lost": 0},
            "days": [day("2025-12-31", 1, 1, 0, 0), day("2026-01-01", 3, 2, 1, 1)],
            "tracks": [track(&one, 3, 2), track(&two, 1, 1)],
        })
    );
    let month = world.get("/v1/me/artist/stats", &nina.token).await.json(200);
    assert_eq!((&month["from"], &month["to"]), (&json!("2025-12-03"), &json!("2026-01-01")));
    assert_eq!((month["days"].as_array().unwrap().len(), &month["totals"]), (30, &stats["totals"]));
}

#[tokio::test]
async fn statistics_are_for_artists_and_for_a_year_at_most() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    world.get("/v1/me/artist/stats", &ada.token).await.problem(403, "artist_only");
    world.get("/v1/me/artist/stats", "").await.problem(401, "unauthorized");
    let empty = world.get("/v1/me/artist/stats?from=2024-01-01&to=2024-12-31", &nina.token).await.json(200);
    assert_eq!(empty["days"].as_array().unwrap().len(), 366);
    assert_eq!(empty["totals"]["followers"], 0);
    for (query, pointer, code) in [
        ("from=2026-01-02&to=2026-01-01", "/to", "before_from"),
        ("from=2024-01-01&to=2025-01-01", "/to", "range_too_long"),
        ("from=-009999-01-01", "/to", "range_too_long"),
        ("from=yesterday", "/from", "invalid_date"),
        ("to=2026-02-30", "/to", "invalid_date"),
        ("days=7", "/days", "unknown_field"),
    ] {
        let errors = world.get(&format!("/v1/me/artist/stats?{query}"), &nina.token).await.field_errors();
        assert_eq!(errors, [(pointer.to_owned(), code.to_owned())], "{query}");
    }
    for query in ["to=9999-12-31", "from=9999-12-31&to=9999-12-31", "to=-009999-01-02"] {
        world.get(&format!("/v1/me/artist/stats?{query}"), &nina.token).await.json(200);
    }
}
