//! Likes, follows, and what changed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Account, Form, World};

const NOWHERE: &str = "01890000-0000-7000-8000-000000000000";

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

fn id(thing: &Value) -> &str {
    thing["id"].as_str().unwrap()
}

async fn like(world: &World, account: &Account, track: &Value) {
    world.clock.advance(Duration::from_millis(1));
    world.put(&format!("/v1/me/likes/{}", id(track)), &account.token).await.empty(204);
}

#[tokio::test]
async fn a_like_shows_wherever_the_track_is_read() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let (one, two) = (world.track(&nina, "One").await, world.track(&nina, "Two").await);
    let playlist = json!({"title": "Both", "track_ids": [id(&one), id(&two), id(&one)]});
    let playlist = world.post("/v1/playlists", &ada.token, playlist).await.json(201);
    for _ in 0..2 {
        like(&world, &ada, &one).await;
        let track = world.get(&format!("/v1/tracks/{}", id(&one)), &ada.token).await.json(200);
        assert_eq!((&track["liked"], &track["version"]), (&json!(true), &one["version"]));
    }
    let liked = |page: &Value, items: &str| -> Vec<bool> {
        let of = |item: &Value| item.get("track").unwrap_or(item)["liked"].as_bool().unwrap();
        page[items].as_array().unwrap().iter().map(of).collect()
    };
    let list = |path: String, account: &Account| {
        let (world, token) = (&world, account.token.clone());
        async move { world.get(&path, &token).await.json(200) }
    };
    assert_eq!(liked(&list("/v1/tracks".into(), &ada).await, "items"), [false, true]);
    assert_eq!(liked(&list("/v1/tracks".into(), &nina).await, "items"), [false, false]);
    let of_nina = format!("/v1/artists/{}/tracks", nina.artist_id());
    assert_eq!(liked(&list(of_nina, &ada).await, "items"), [false, true]);
    let read = list(format!("/v1/playlists/{}", id(&playlist)), &ada).await;
    assert_eq!(liked(&read, "entries"), [true, false, true]);
    assert_eq!(ids(&list("/v1/me/likes".into(), &ada).await), [id(&one)]);
    for _ in 0..2 {
        world.delete(&format!("/v1/me/likes/{}", id(&one)), &ada.token).await.empty(204);
        assert!(ids(&list("/v1/me/likes".into(), &ada).await).is_empty());
    }
}

#[tokio::test]
async fn what_cannot_be_seen_cannot_be_liked() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let form = Form::new().text("title", "Draft").text("visibility", "private");
    let draft = world.track_with(&nina, form).await;
    for track in [id(&draft), NOWHERE, "me", "%00"] {
        let path = format!("/v1/me/likes/{track}");
        world.put(&path, &ada.token).await.problem(404, "track_not_found");
        world.delete(&path, &ada.token).await.problem(404, "track_not_found");
    }
    like(&world, &nina, &draft).await;
    assert_eq!(ids(&world.get("/v1/me/likes", &nina.token).await.json(200)), [id(&draft)]);
    world.put(&format!("/v1/me/likes/{}", id(&draft)), "").await.problem(401, "unauthorized");
}

#[tokio::test]
async fn likes_come_in_pages_that_survive_deletions() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let mut tracks = Vec::new();
    for number in 0..5 {
        let track = world.track(&nina, &format!("Tune {number}")).await;
        like(&world, &ada, &track).await;
        tracks.insert(0, id(&track).to_owned());
    }
    let first = world.get("/v1/me/likes?limit=2", &ada.token).await.json(200);
    assert_eq!(ids(&first), tracks[..2]);
    for gone in [&tracks[1], &tracks[2]] {
        world.delete(&format!("/v1/tracks/{gone}"), &nina.token).await.empty(204);
    }
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("/v1/me/likes?limit=2&cursor={cursor}"), &ada.token).await.json(200);
    assert_eq!((ids(&rest), &rest["next_cursor"]), (vec![&*tracks[3], &*tracks[4]], &Value::Null));
    // A like of a track that is gone can be taken back, and after that there is nothing to take back.
    let path = format!("/v1/me/likes/{}", tracks[1]);
    world.delete(&path, &ada.token).await.empty(204);
    world.delete(&path, &ada.token).await.problem(404, "track_not_found");
    for (query, pointer, code) in [
        ("cursor=x", "/cursor", "invalid_cursor"),
        ("limit=101", "/limit", "out_of_range"),
        ("page=2", "/page", "unknown_field"),
    ] {
        for list in ["likes", "follows", "history"] {
            let errors = world.get(&format!("/v1/me/{list}?{query}"), &ada.token).await.field_errors();
            assert_eq!(errors, [(pointer.to_owned(), code.to_owned())], "{list}?{query}");
        }
    }
}

#[tokio::test]
async fn a_follow_is_counted_and_told_once() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let (artist, follow) =
        (format!("/v1/artists/{}", nina.artist_id()), format!("/v1/me/follows/{}", nina.artist_id()));
    world.track(&nina, "One").await;
    let before = world.events().await;
    for _ in 0..2 {
        world.put(&follow, &ada.token).await.empty(204);
        let read = world.get(&artist, &ada.token).await.json(200);
        assert_eq!((&read["followed"], &read["follower_count"]), (&json!(true), &json!(1)));
        assert_eq!((&read["name"], &read["track_count"]), (&json!("Nina"), &json!(1)));
    }
    assert_eq!(world.events().await, before + 1);
    let read = world.get(&artist, &nina.token).await.json(200);
    assert_eq!((&read["followed"], &read["follower_count"]), (&json!(false), &json!(1)));
    let follows = world.get("/v1/me/follows", &ada.token).await.json(200);
    assert_eq!(ids(&follows), [nina.artist_id()]);
    assert_eq!(follows["items"][0]["followed"], json!(true));
    for _ in 0..2 {
        world.delete(&follow, &ada.token).await.empty(204);
        assert!(ids(&world.get("/v1/me/follows", &ada.token).await.json(200)).is_empty());
    }
    assert_eq!(world.events().await, before + 2);
    for id in [NOWHERE, "nina"] {
        let path = format!("/v1/me/follows/{id}");
        world.put(&path, &ada.token).await.problem(404, "artist_not_found");
        world.delete(&path, &ada.token).await.problem(404, "artist_not_found");
    }
}

/// A client that keeps a copy.
#[derive(Default)]
struct Copy {
    since: String,
    things: BTreeMap<(String, String), Value>,
}

impl Copy {
    async fn pull(&mut self, world: &World, account: &Account) {
        loop {
            let page =
                world.get(&format!("/v1/changes?limit=2{}", self.since), &account.token).await.json(200);
            for item in page["items"].as_array().unwrap() {
                let key = (item["kind"].as_str().unwrap().to_owned(), id(item).to_owned());
                match item["deleted"].as_bool().unwrap() {
                    true => drop(self.things.remove(&key)),
                    false => drop(self.things.insert(key, item["version"].clone())),
                }
            }
            self.since = format!("&since={}", page["next_cursor"].as_str().unwrap());
            if page["has_more"] == json!(false) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_copy_follows_the_library() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let track = world.track(&nina, "One").await;
    let track = id(&track);
    let (mut early, mut late) = (Copy::default(), Copy::default());
    early.pull(&world, &ada).await;
    assert!(early.things.is_empty());

    world.put(&format!("/v1/me/likes/{track}"), &ada.token).await.empty(204);
    world.put(&format!("/v1/me/follows/{}", nina.artist_id()), &ada.token).await.empty(204);
    let body = json!({"title": "P", "track_ids": [track]});
    let playlist = world.post("/v1/playlists", &ada.token, body).await.json(201);
    early.pull(&world, &ada).await;
    let key = |kind: &str, id: &str| (kind.to_owned(), id.to_owned());
    let mut expected = BTreeMap::from([
        (key("like", track), Value::Null),
        (key("follow", nina.artist_id()), Value::Null),
        (key("playlist", id(&playlist)), json!(1)),
    ]);
    assert_eq!(early.things, expected);

    world.delete(&format!("/v1/me/likes/{track}"), &ada.token).await.empty(204);
    let body = json!({"track_ids": [track]});
    world.post(&format!("/v1/playlists/{}/tracks", id(&playlist)), &ada.token, body).await.json(200);
    expected.remove(&key("like", track));
    expected.insert(key("playlist", id(&playlist)), json!(2));
    for copy in [&mut early, &mut late] {
        copy.pull(&world, &ada).await;
        assert_eq!(copy.things, expected);
    }
    world.delete(&format!("/v1/tracks/{track}"), &nina.token).await.empty(204);
    expected.insert(key("playlist", id(&playlist)), json!(3));
    late.pull(&world, &ada).await;
    assert_eq!(late.things, expected);
    let mut others = Copy::default();
    others.pull(&world, &nina).await;
    assert!(others.things.is_empty());
}

#[tokio::test]
async fn a_cursor_of_no_feed_is_refused() {
    let world = World::new();
    let ada = world.listener("ada").await;
    let refused = [("/since".to_owned(), "invalid_cursor".to_owned())];
    // The second one would be a place that the feed has never reached, the third one before its beginning.
    for since in ["x", "eyJwbGFjZSI6N30", "eyJwbGFjZSI6LTF9", "eyJwbGFjZSI6MTg0NDY3NDQwNzM3MDk1NTE2MTV9"] {
        assert_eq!(
            world.get(&format!("/v1/changes?since={since}"), &ada.token).await.field_errors(),
            refused
        );
    }
    let first = world.get("/v1/changes", &ada.token).await;
    let page = first.json(200);
    assert_eq!((&page["items"], &page["has_more"]), (&json!([]), &json!(false)));
    world.get_if_none_match("/v1/changes", &ada.token, first.header("etag")).await.empty(304);
    world.get("/v1/changes", "").await.problem(401, "unauthorized");
}
