//! Sessions in cookies, and pages that would like to use somebody else's.

use std::sync::Arc;

use axum::body::Body;
use futures::future::BoxFuture;
use http::{Method, Request};
use moodify_core::model::{Caller, Role, SignedDuration};
use moodify_core::port::Clock;
use moodify_core::{AuthFailure, Config, Error, Moodify};
use moodify_http::sync::{self, Authenticator, SyncConfig};
use moodify_http::{CookieSessions, Origin};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, NoUploads, PASSWORD, World};

const PAGE: &str = "https://app.example.com";

fn world() -> World {
    World::with(|config| {
        config.public_url = "https://music.test".parse().unwrap();
        config.allowed_origins = vec![Origin::parse(PAGE).unwrap()];
    })
}

/// Somebody whose session is in a cookie; its value.
async fn signed_in(world: &World) -> String {
    let body = json!({
        "email": "ada@example.com", "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace",
        "session": "cookie",
    });
    let mut answer = world.post("/v1/auth/users/signup", "", body).await;
    if answer.status == 409 {
        let body = json!({"email": "ada@example.com", "password": PASSWORD, "session": "cookie"});
        answer = world.post("/v1/auth/users/login", "", body).await;
    }
    let status = if answer.status == 200 { 200 } else { 201 };
    assert_eq!(answer.json(status)["refresh_token"], Value::Null);
    value(&answer, "__Secure-moodify_refresh")
}

fn set_cookies(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
}

fn value(answer: &Answer, name: &str) -> String {
    let cookies = set_cookies(answer);
    let cookie = cookies.iter().find_map(|cookie| cookie.strip_prefix(&format!("{name}=")));
    cookie.unwrap_or_else(|| panic!("{name} in {cookies:?}")).split(';').next().unwrap().to_owned()
}

async fn post(world: &World, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let request = Request::builder().method(Method::POST).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_session_in_a_cookie_lives_and_ends_in_it() {
    let world = world();
    let token = signed_in(&world).await;
    let cookie = format!("theme=dark; __Secure-moodify_refresh={token}");
    let next = post(&world, "/v1/auth/refresh", &[("cookie", &cookie), ("origin", PAGE)], "").await;
    let session = next.json(200);
    assert_eq!(session["refresh_token"], Value::Null);
    assert!(!next.text().contains(&token));
    world.get("/v1/me", session["access_token"].as_str().unwrap()).await.json(200);
    let rotated = value(&next, "__Secure-moodify_refresh");
    assert_ne!(rotated, token);
    assert_eq!(value(&next, "__Secure-moodify_access"), session["access_token"]);

    let cookie = format!("__Secure-moodify_refresh={rotated}");
    let left = post(&world, "/v1/auth/logout", &[("cookie", &cookie), ("origin", PAGE)], "").await;
    left.empty(204);
    assert_eq!(set_cookies(&left).len(), 2);
    for gone in set_cookies(&left) {
        assert!(gone.contains("=; ") && gone.contains("Max-Age=0"), "{gone}");
    }
    let dead = post(&world, "/v1/auth/refresh", &[("cookie", &cookie), ("origin", PAGE)], "").await;
    dead.problem(401, "invalid_token");
    assert_eq!(set_cookies(&dead).len(), 2, "a dead session has no cookies");
}

/// What a browser does with a request to a path below which no cookie of ours lives.
async fn end(world: &World, method: Method, path: &str, token: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("origin", PAGE);
    let request = request.header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn whatever_ends_the_session_takes_its_cookies_away() {
    let world = world();
    for (method, path) in
        [(Method::POST, "/v1/auth/logout"), (Method::POST, "/v1/auth/logout-all"), (Method::DELETE, "/v1/me")]
    {
        let cookie = format!("__Secure-moodify_refresh={}", signed_in(&world).await);
        let session = post(&world, "/v1/auth/refresh", &[("cookie", &cookie), ("origin", PAGE)], "").await;
        let token = session.json(200)["access_token"].as_str().unwrap().to_owned();
        let ended = end(&world, method, path, &token).await;
        ended.empty(204);
        let [refresh, access] = set_cookies(&ended)[..] else { panic!("{path}: two cookies") };
        for (gone, scope) in [(refresh, "=; Path=/v1/auth; "), (access, "=; Path=/socket.io/; ")] {
            assert!(gone.contains(scope) && gone.contains("Max-Age=0"), "{path} {gone}");
        }
    }
}

#[tokio::test]
async fn scripts_foreign_sites_and_plain_lines_never_see_the_cookies() {
    let world = world();
    let body = json!({
        "email": "ada@example.com", "password": PASSWORD, "first_name": "A", "last_name": "L", "session": "cookie",
    });
    let answer = world.post("/v1/auth/users/signup", "", body).await;
    let [refresh, access] = set_cookies(&answer)[..] else { panic!("two cookies") };
    assert!(refresh.contains("; Path=/v1/auth; Max-Age=2592000; "), "{refresh}");
    assert!(access.contains("; Path=/socket.io/; Max-Age=600; "), "{access}");
    for cookie in [refresh, access] {
        assert!(cookie.starts_with("__Secure-moodify_"), "{cookie}");
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    }
    assert_eq!(answer.header("cache-control"), "no-store");

    let plain = World::new();
    let body = json!({
        "email": "ada@example.com", "password": PASSWORD, "first_name": "A", "last_name": "L", "session": "cookie",
    });
    let answer = plain.post("/v1/auth/users/signup", "", body).await;
    assert!(
        set_cookies(&answer)
            .iter()
            .all(|cookie| cookie.starts_with("moodify_") && !cookie.contains("Secure"))
    );
}

#[tokio::test]
async fn a_page_of_another_site_cannot_use_the_session() {
    let world = world();
    let cookie = format!("__Secure-moodify_refresh={}", signed_in(&world).await);
    let json = ("content-type", "application/json");
    for path in ["/v1/auth/refresh", "/v1/auth/logout"] {
        for headers in [
            &[("origin", "https://evil.example.com")][..],
            &[("origin", "https://evil.example.com"), json],
            &[("origin", "null"), json],
            &[("origin", "http://app.example.com"), json],
            &[("origin", "https://app.example.com.evil.com"), json],
            &[("origin", PAGE), ("sec-fetch-site", "cross-site"), json],
            &[("sec-fetch-site", "cross-site"), json],
            &[("sec-fetch-site", "same-site"), json],
            // An old browser's form says nothing, and cannot send JSON.
            &[],
        ] {
            let headers: Vec<_> = headers.iter().copied().chain([("cookie", cookie.as_str())]).collect();
            let answer = post(&world, path, &headers, "{}").await;
            answer.problem(403, "cross_site_request");
            assert_eq!(set_cookies(&answer), [""; 0]);
        }
        for form in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let headers =
                [("cookie", &*cookie), ("content-type", form), ("origin", "https://evil.example.com")];
            assert!(post(&world, path, &headers, "{}").await.status.is_client_error(), "{path} {form}");
            let headers = [("cookie", &*cookie), ("content-type", form)];
            assert!(post(&world, path, &headers, "{}").await.status.is_client_error(), "{path} {form}");
        }
    }
    // Nothing of it ended or rotated the session.
    let good = [("cookie", &*cookie), ("origin", "https://music.test"), ("sec-fetch-site", "same-origin")];
    post(&world, "/v1/auth/refresh", &good, "").await.json(200);
}

#[tokio::test]
async fn a_page_of_another_site_signs_nobody_in() {
    let world = world();
    signed_in(&world).await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "session": "cookie"}).to_string();
    let json = ("content-type", "application/json");
    let foreign = [json, ("origin", "https://evil.example.com")];
    post(&world, "/v1/auth/users/login", &foreign, &body).await.problem(403, "cross_site_request");
    let answer = post(&world, "/v1/auth/users/login", &[json, ("origin", PAGE)], &body).await;
    answer.json(200);
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    let form = [("content-type", "text/plain"), ("origin", PAGE)];
    post(&world, "/v1/auth/users/login", &form, &body).await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn programs_need_no_page() {
    let world = world();
    let token = signed_in(&world).await;
    let json = ("content-type", "application/json");
    let cookie = format!("__Secure-moodify_refresh={token}");
    let next = post(&world, "/v1/auth/refresh", &[json, ("cookie", &cookie)], "{}").await;
    next.json(200);
    // By body it works as ever, whatever cookie is there.
    let rotated = value(&next, "__Secure-moodify_refresh");
    let body = json!({"refresh_token": rotated}).to_string();
    let by_body = post(&world, "/v1/auth/refresh", &[json, ("cookie", &cookie)], &body).await.json(200);
    assert!(by_body["refresh_token"].is_string());
    let bearer = format!("Bearer {}", by_body["access_token"].as_str().unwrap());
    post(&world, "/v1/auth/logout", &[("authorization", &bearer)], "").await.empty(204);
}

#[tokio::test]
async fn cookies_that_are_there_twice_huge_or_nonsense_are_refused() {
    let world = world();
    let token = signed_in(&world).await;
    let twice = format!("__Secure-moodify_refresh={token}; __Secure-moodify_refresh=planted");
    let huge = format!("__Secure-moodify_refresh={}", "x".repeat(100_000));
    for path in ["/v1/auth/refresh", "/v1/auth/logout"] {
        let refused = post(&world, path, &[("cookie", &twice), ("origin", PAGE)], "").await;
        refused.problem(400, "ambiguous_cookie");
        for nonsense in [
            &*huge,
            "__Secure-moodify_refresh=",
            "__Secure-moodify_refresh=\"a\"",
            "__Secure-moodify_refresh=%00",
        ] {
            let refused = post(&world, path, &[("cookie", nonsense), ("origin", PAGE)], "").await;
            refused.problem(401, "invalid_token");
        }
    }
    // Elsewhere a cookie says nothing.
    let cookie = format!("__Secure-moodify_refresh={token}");
    let stranger = post(&world, "/v1/playlists", &[("cookie", &cookie), ("origin", PAGE)], "{}").await;
    stranger.problem(401, "unauthorized");
}

#[tokio::test]
async fn credentials_are_for_listed_pages_only() {
    let world = world();
    for (path, origin, expected) in [
        ("/v1/tracks", PAGE, "true"),
        ("/v1/tracks", "https://evil.example.com", ""),
        ("/media/audio/x", PAGE, ""),
    ] {
        let request = Request::get(path).header("origin", origin);
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-credentials"), expected, "{path} {origin}");
    }
}

/// Knows one access token.
struct OneToken;

impl Authenticator for OneToken {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, Error>> {
        Box::pin(async move {
            let expires_at = moodify_core::memory::SystemClock.now() + SignedDuration::from_mins(10);
            let (account_id, session_id) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
            let (role, name) = (Role::User, "Ada".to_owned());
            let caller = Caller { account_id, session_id, role, artist_id: None, name, expires_at };
            if token == "good" { Ok(caller) } else { Err(AuthFailure::InvalidToken.into()) }
        })
    }
}

/// What the first packet of a socket is answered with, opened with these headers and this `auth`.
async fn socket(world: &World, headers: &[(&str, &str)], auth: &str) -> String {
    let open = Request::get("/socket.io/?EIO=4&transport=polling");
    let open = headers.iter().fold(open, |open, (name, value)| open.header(*name, *value));
    let opened = world.send(open.body(Body::empty()).unwrap()).await.text();
    let opened: Value = serde_json::from_str(opened.trim_start_matches('0')).unwrap();
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={}", opened["sid"].as_str().unwrap());
    assert_eq!(post(world, &path, &[], &format!("40{auth}")).await.text(), "ok");
    loop {
        let heard = world.get(&path, "").await.text();
        if heard.contains("40{") || heard.contains("44{") {
            return heard;
        }
    }
}

#[tokio::test]
async fn a_page_opens_its_sockets_by_cookie_and_a_foreign_one_does_not() {
    let world = World::with(|config| {
        config.public_url = "https://music.test".parse().unwrap();
        config.allowed_origins = vec![Origin::parse(PAGE).unwrap()];
        let moodify =
            Moodify::builder(Config::new(config.public_url.clone())).build(Arc::new(NoUploads)).unwrap();
        let cookies = Some(CookieSessions::new(&config.public_url, &config.allowed_origins));
        let sockets = SyncConfig { cookies, ..SyncConfig::default() };
        config.sockets = Some(sync::layer(moodify.playback().clone(), Arc::new(OneToken), &sockets).0);
    });
    let good = ("cookie", "theme=dark; __Secure-moodify_access=good");
    for headers in [&[good, ("origin", PAGE)][..], &[good, ("sec-fetch-site", "same-origin")], &[good]] {
        let answer = socket(&world, headers, "").await;
        assert!(answer.contains("40{"), "{headers:?} {answer}");
    }
    assert!(socket(&world, &[], r#"{"token":"good"}"#).await.contains("40{"));
    for headers in [
        &[good, ("origin", "https://evil.example.com")][..],
        &[good, ("origin", PAGE), ("sec-fetch-site", "cross-site")],
        &[good, ("sec-fetch-site", "cross-site")],
        &[("cookie", "__Secure-moodify_access=bad"), ("origin", PAGE)],
        &[("cookie", "__Secure-moodify_access=good; __Secure-moodify_access=good"), ("origin", PAGE)],
        &[("cookie", "__Secure-moodify_refresh=good"), ("origin", PAGE)],
        &[],
    ] {
        let answer = socket(&world, headers, "").await;
        assert!(answer.contains("44{") && answer.contains("unauthorized"), "{headers:?} {answer}");
    }
}
