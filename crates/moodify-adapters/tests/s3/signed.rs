//! Signed URLs, tried by a plain HTTP client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::Credentials;
use moodify_adapters::s3::{Encryption, S3Config, S3MediaStore};
use moodify_core::memory::SystemClock;
use moodify_core::model::{CoverSize, MediaKey, PictureKind, Timestamp};
use moodify_core::port::{Clock, MediaSigner, MediaStore, SignError};
use reqwest::{Client, Response};

use super::s3_server::{KEY, S3Server, SECRET};
use super::{body, config, content, credentials, key, put, server, store, store_with};

const TTL: Duration = Duration::from_secs(3600);

fn now() -> Timestamp {
    SystemClock.now()
}

async fn signed(store: &S3MediaStore) -> String {
    store.sign_get(&key(), now(), TTL).await.unwrap().url.into()
}

async fn get(url: &str) -> Response {
    Client::new().get(url).send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_url_plays_whole_and_in_ranges() {
    let server = server!();
    let store = store(&server.url);
    let content = content(300_000);
    put(&store, &content).await;
    let cover = MediaKey::cover("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(), CoverSize::Large);
    store.put(&cover, 4, body(b"jpeg")).await.unwrap();

    let url = signed(&store).await;
    let whole = get(&url).await;
    assert_eq!(whole.status(), 200);
    assert_eq!(header(&whole, "content-type"), "audio/mpeg");
    assert_eq!(header(&whole, "cache-control"), "private, max-age=3600, immutable");
    assert!(!header(&whole, "etag").is_empty());
    assert!(whole.bytes().await.unwrap() == content);

    let part = Client::new().get(&url).header("range", "bytes=1000-1999").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(header(&part, "content-range"), "bytes 1000-1999/300000");
    assert_eq!(header(&part, "content-type"), "audio/mpeg");
    assert!(part.bytes().await.unwrap() == content[1000..2000]);
    let past_the_end = Client::new().get(&url).header("range", "bytes=300000-").send().await.unwrap();
    assert_eq!(past_the_end.status(), 416);

    let cover = store.sign_get(&cover, now(), TTL).await.unwrap();
    assert_eq!(header(&get(cover.url.as_str()).await, "content-type"), "image/jpeg");
}

/// With another first digit of the signature.
fn forged(url: &str) -> String {
    let (rest, signature) = url.split_once("X-Amz-Signature=").unwrap();
    let digit = if signature.starts_with('0') { '1' } else { '0' };
    format!("{rest}X-Amz-Signature={digit}{}", &signature[1..])
}

#[tokio::test]
async fn changed_expired_foreign_and_bare_urls_are_forbidden() {
    let server = server!();
    let store = store(&server.url);
    put(&store, b"music").await;
    let url = signed(&store).await;
    let other = "01890a5d-ac96-774b-bcce-b302099a8058";
    let stranger = S3MediaStore::with_credentials(
        &config(&server.url),
        credentials("another secret"),
        Arc::new(SystemClock),
    );
    let old = now().checked_sub(2 * TTL).unwrap();
    let expired = store.sign_get(&key(), old, TTL).await.unwrap();
    assert!(expired.expires_at < now());
    for (what, url) in [
        ("another object", url.replace("01890a5d-ac96-774b-bcce-b302099a8057", other)),
        ("a longer life", url.replace("X-Amz-Expires=3600", "X-Amz-Expires=36000")),
        ("another type", url.replace("audio%2Fmpeg", "text%2Fhtml")),
        ("another signature", forged(&url)),
        ("no signature", url.split('?').next().unwrap().to_owned()),
        ("expired", expired.url.to_string()),
        ("foreign", signed(&stranger).await),
    ] {
        assert_eq!(get(&url).await.status(), 403, "{what}: {url}");
    }
    for method in [reqwest::Method::PUT, reqwest::Method::DELETE] {
        let refused = Client::new().request(method, &url).body("x").send().await.unwrap();
        assert_eq!(refused.status(), 403);
    }
    assert_eq!(get(&url).await.bytes().await.unwrap(), "music");
}

#[tokio::test]
async fn within_half_of_its_life_a_url_is_the_same_for_everybody() {
    let (one, other) = (store("http://127.0.0.1:1"), store("http://127.0.0.1:1"));
    let begin = Timestamp::from_second(1_800_000_000).unwrap();
    let mut seen = Vec::new();
    for (seconds, left) in [(0, 3600), (1, 3599), (1799, 1801), (1800, 3600), (3599, 1801)] {
        let now = begin.checked_add(Duration::from_secs(seconds)).unwrap();
        let url = one.sign_get(&key(), now, TTL).await.unwrap();
        assert_eq!(url, other.sign_get(&key(), now, TTL).await.unwrap());
        assert_eq!(url.expires_at.duration_since(now).as_secs(), left);
        seen.push(url.url.to_string());
    }
    assert!(seen[0] == seen[1] && seen[1] == seen[2] && seen[2] != seen[3] && seen[3] == seen[4]);
}

#[tokio::test]
async fn a_url_ends_before_the_credentials_that_signed_it() {
    let ending_in = |seconds| {
        let end = SystemTime::from(now()) + Duration::from_secs(seconds);
        let task = Credentials::new(KEY, SECRET, Some("session".to_owned()), Some(end), "test");
        let store =
            S3MediaStore::with_credentials(&config("http://127.0.0.1:1"), task, Arc::new(SystemClock));
        (store, Timestamp::try_from(end).unwrap())
    };
    for seconds in [60, 600, 1700] {
        let (store, end) = ending_in(seconds);
        let url = store.sign_get(&key(), now(), TTL).await.unwrap();
        assert!(url.expires_at < end && end.duration_since(url.expires_at).as_secs() < 15);
        // What S3 reads says the same.
        let said = |name| url.url.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned();
        let life: u64 = said("X-Amz-Expires").parse().unwrap();
        let begin = url.expires_at.checked_sub(Duration::from_secs(life)).unwrap();
        assert_eq!(said("X-Amz-Date"), begin.strftime("%Y%m%dT%H%M%SZ").to_string());
        let put = store.sign_put(&key(), 5, now(), TTL).await.unwrap();
        assert!(put.url.expires_at < end);
    }
    let (store, _) = ending_in(7200);
    assert!(store.sign_get(&key(), now(), TTL).await.unwrap().expires_at <= now().checked_add(TTL).unwrap());
    let (store, _) = ending_in(5);
    let SignError::Unavailable(fault) = store.sign_get(&key(), now(), TTL).await.unwrap_err();
    assert!(fault.retryable && fault.to_string().contains("end within seconds"), "{fault}");
}

#[tokio::test]
async fn what_is_put_is_what_was_agreed() {
    let server = server!();
    let store = store(&server.url);
    let put = store.sign_put(&key(), 5, now(), Duration::from_secs(900)).await.unwrap();
    assert!((890..=900).contains(&put.url.expires_at.duration_since(now()).as_secs()));
    let send = async |content_type: &str, body: &'static str| {
        let request = Client::new().put(put.url.url.as_str()).header("content-type", content_type);
        request.body(body).send().await.unwrap().status().as_u16()
    };
    let mut agreed = put.headers.clone();
    agreed.sort();
    let expected = [("content-length", "5"), ("content-type", "audio/mpeg")];
    assert_eq!(agreed, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(send("text/html", "music").await, 403);
    assert_eq!(send("audio/mpeg", "longer").await, 403);
    assert_eq!(send("audio/mpeg", "tiny").await, 403);
    assert_eq!(store.head(&key()).await.unwrap(), None);
    assert_eq!(send("audio/mpeg", "music").await, 200);
    assert_eq!(get(&signed(&store).await).await.bytes().await.unwrap(), "music");
}

#[tokio::test]
async fn what_is_put_is_encrypted_too() {
    let encryption = Some(Encryption::Kms { key: Some("key-1".to_owned()) });
    let store = store_with(&S3Config { encryption, ..config("http://127.0.0.1:1") });
    let put = store.sign_put(&key(), 5, now(), TTL).await.unwrap();
    for header in [
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "key-1"),
    ] {
        assert!(put.headers.contains(&(header.0.to_owned(), header.1.to_owned())), "{:?}", put.headers);
        // It is signed, so nobody can leave it away.
        assert!(put.url.url.as_str().contains(header.0), "{}", put.url.url);
    }
}

#[tokio::test]
async fn a_part_of_an_upload_goes_to_its_own_place_while_its_url_lives() {
    let server = server!();
    let config = S3Config::from_url(&(S3Server::media_at(&server.url) + "&prefix=live")).unwrap();
    let store = store_with(&config);
    let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    let (first, second) = (MediaKey::upload_part(id, 1), MediaKey::upload_part(id, 2));
    let life = Duration::from_secs(900);
    let sign = async |store: &S3MediaStore, at| -> String {
        store.sign_put(&first, 5, at, life).await.unwrap().url.url.into()
    };
    let url = sign(&store, now()).await;
    let stranger =
        S3MediaStore::with_credentials(&config, credentials("another secret"), Arc::new(SystemClock));
    let send = async |method: reqwest::Method, url: &str| {
        let request = Client::new().request(method, url).header("content-type", "audio/mpeg");
        request.body("music").send().await.unwrap().status().as_u16()
    };
    for (what, url) in [
        ("another part", url.replace("-1.mp3", "-2.mp3")),
        ("a track", url.replace("/upload/", "/audio/").replace("-1.mp3", ".mp3")),
        ("a longer life", url.replace("X-Amz-Expires=900", "X-Amz-Expires=9000")),
        ("another signature", forged(&url)),
        ("no signature", url.split('?').next().unwrap().to_owned()),
        ("expired", sign(&store, now().checked_sub(2 * life).unwrap()).await),
        ("foreign", sign(&stranger, now()).await),
    ] {
        assert_eq!(send(reqwest::Method::PUT, &url).await, 403, "{what}: {url}");
    }
    assert_eq!(send(reqwest::Method::DELETE, &url).await, 403);
    assert_eq!(get(&url).await.status(), 403);
    assert_eq!(server.objects(), [""; 0]);

    assert_eq!(send(reqwest::Method::PUT, &url).await, 200);
    let picture = MediaKey::upload_cover(id, PictureKind::Png);
    let put = store.sign_put(&picture, 5, now(), life).await.unwrap();
    assert!(put.headers.contains(&("content-type".to_owned(), "image/png".to_owned())), "{:?}", put.headers);
    assert_eq!(server.objects(), [format!("live/{first}")]);
    assert_eq!(store.head(&first).await.unwrap().map(|meta| meta.len), Some(5));
    assert_eq!(store.head(&second).await.unwrap(), None);
}
