//! Signed addresses of audio and covers.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};

use crate::support::{Answer, World, sample};

struct Signed {
    world: World,
    /// Path and query of the audio.
    url: String,
    audio: Vec<u8>,
}

impl Signed {
    async fn new() -> Self {
        let world = World::new();
        let nina = world.artist("Nina").await;
        let track = world.track(&nina, "Slow Tide").await;
        let url = track["audio_url"].as_str().unwrap().strip_prefix("http://music.test").unwrap().to_owned();
        Self { world, url, audio: sample("cbr-mono-id3v1.mp3") }
    }

    async fn ask(&self, method: Method, url: &str, headers: &[(&str, &str)]) -> Answer {
        let request =
            headers.iter().fold(Request::builder().method(method).uri(url), |r, (n, v)| r.header(*n, *v));
        self.world.send(request.body(Body::empty()).unwrap()).await
    }

    async fn get(&self, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, &self.url, headers).await
    }
}

#[tokio::test]
async fn the_whole_object_is_served_as_what_it_is() {
    let signed = Signed::new().await;
    let answer = signed.get(&[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, signed.audio);
    for (name, value) in [
        ("content-type", "audio/mpeg"),
        ("content-length", &signed.audio.len().to_string()),
        ("accept-ranges", "bytes"),
        ("content-disposition", "inline"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "cross-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert!(answer.header("cache-control").starts_with("private, max-age="));
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
}

#[tokio::test]
async fn heads_tell_all_but_the_bytes() {
    let signed = Signed::new().await;
    let answer = signed.ask(Method::HEAD, &signed.url, &[("range", "bytes=0-9")]).await;
    answer.empty(200);
    assert_eq!(answer.header("content-length"), signed.audio.len().to_string());
    assert_eq!(answer.header("content-type"), "audio/mpeg");
}

#[tokio::test]
async fn parts_are_served() {
    let signed = Signed::new().await;
    let len = signed.audio.len();
    for (range, start, end) in [
        ("bytes=0-99", 0, 100),
        ("bytes=1000-", 1000, len),
        ("bytes=-10", len - 10, len),
        ("bytes=5-999999999", 5, len),
    ] {
        let answer = signed.get(&[("range", range)]).await;
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.body, signed.audio[start..end], "{range}");
        assert_eq!(answer.header("content-range"), format!("bytes {start}-{}/{len}", end - 1));
        assert_eq!(answer.header("content-length"), (end - start).to_string());
    }
    for ignored in ["bytes=0-1,5-6", "items=0-5", "bytes=9-1", "nonsense"] {
        assert_eq!(signed.get(&[("range", ignored)]).await.status, 200, "{ignored}");
    }
}

#[tokio::test]
async fn ranges_past_the_end_are_not_satisfiable() {
    let signed = Signed::new().await;
    let len = signed.audio.len();
    for range in [format!("bytes={len}-"), "bytes=99999999999999999999999-".to_owned(), "bytes=-0".to_owned()]
    {
        let answer = signed.get(&[("range", &range)]).await;
        answer.problem(416, "range_not_satisfiable");
        assert_eq!(answer.header("content-range"), format!("bytes */{len}"));
    }
}

#[tokio::test]
async fn tags_save_a_transfer() {
    let signed = Signed::new().await;
    let etag = signed.get(&[]).await.header("etag").to_owned();
    let unchanged = signed.get(&[("if-none-match", &etag)]).await;
    unchanged.empty(304);
    assert_eq!(unchanged.header("etag"), etag);
    let part = signed.get(&[("range", "bytes=0-1"), ("if-range", &etag)]).await;
    assert_eq!(part.status, 206);
    let changed = signed.get(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn changed_addresses_are_forbidden() {
    let signed = Signed::new().await;
    let url = signed.url.clone();
    let (path, query) = url.split_once('?').unwrap();
    let expires: i64 = query.split(['=', '&']).nth(1).unwrap().parse().unwrap();
    let other = Signed::new().await;
    let (foreign_path, foreign_query) = other.url.split_once('?').unwrap();
    let last = url.chars().last().unwrap();
    let flipped = format!("{}{}", &url[..url.len() - 1], if last == 'A' { 'E' } else { 'A' });
    for changed in [
        path.to_owned(),
        format!("{path}?"),
        url.replace(&expires.to_string(), &(expires + 1).to_string()),
        url.replace(&expires.to_string(), "99999999999999999999"),
        url.replace(&expires.to_string(), "-1"),
        flipped,
        format!("{path}?{foreign_query}&x=1"),
        format!("{url}&expires={expires}"),
        format!("{url}&type=text/html"),
        format!("{path}?expires={expires}&sig="),
        url.replace("/audio/", "/cover/"),
        url.replace(".mp3", ".html"),
        format!("/media/audio/..%2f..%2fetc%2fpasswd?{query}"),
        format!("/media/audio/%00?{query}"),
        format!("/media/audio/%ff?{query}"),
        format!("/media/audio/{}?{query}", "x".repeat(5_000)),
    ] {
        let answer = signed.ask(Method::GET, &changed, &[]).await;
        answer.problem(403, "invalid_signature");
    }
    assert_eq!(foreign_path.len(), path.len());
}

#[tokio::test]
async fn expired_addresses_are_forbidden() {
    let signed = Signed::new().await;
    signed.world.clock.advance(Duration::from_secs(60 * 60));
    signed.get(&[]).await.problem(403, "url_expired");
}

#[tokio::test]
async fn addresses_of_deleted_tracks_lead_nowhere() {
    let signed = Signed::new().await;
    for key in signed.world.media_keys().await {
        moodify_core::port::MediaStore::delete(&*signed.world.media, &key).await.unwrap();
    }
    signed.get(&[]).await.problem(404, "media_not_found");
}

#[tokio::test]
async fn any_page_may_play_them() {
    let signed = Signed::new().await;
    let answer = signed.get(&[("origin", "https://radio.example")]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-expose-headers").contains("content-range"));
    let headers = [("origin", "https://radio.example"), ("access-control-request-method", "GET")];
    let preflight = signed.ask(Method::OPTIONS, &signed.url, &headers).await;
    preflight.empty(204);
    assert!(preflight.header("access-control-allow-headers").contains("range"));
}
