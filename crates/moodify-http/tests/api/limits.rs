//! How much one caller may ask for.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Method, Request};
use moodify_core::config::LimitsConfig;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, World};

const HOME: &str = "192.0.2.1";
const AWAY: &str = "192.0.2.2";

fn world(limits: LimitsConfig) -> World {
    World::build(|core| core.limits = limits, |_| ())
}

/// The request as it comes from this address.
fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    let address: IpAddr = address.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 4711))));
    request
}

async fn post_from(world: &World, address: &str, path: &str, body: &Value) -> Answer {
    let request = world.request(Method::POST, path, "").header("content-type", "application/json");
    world.send(from(address, request.body(Body::from(body.to_string())).unwrap())).await
}

async fn get_from(world: &World, address: &str, path: &str, token: &str) -> Answer {
    world.send(from(address, world.request(Method::GET, path, token).body(Body::empty()).unwrap())).await
}

#[track_caller]
fn assert_limited(answer: &Answer, seconds: &str) {
    answer.problem(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), seconds);
}

fn log_in(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

fn sign_up(n: usize) -> Value {
    json!({"email": format!("n{n}@example.com"), "password": PASSWORD, "first_name": "N", "last_name": "N"})
}

#[tokio::test]
async fn the_sixth_failed_log_in_waits_whether_the_account_exists_or_not() {
    let world = world(LimitsConfig::default());
    world.listener("ada").await;
    let mut refusals = Vec::new();
    for email in ["ada@example.com", "bob@example.com"] {
        for _ in 0..5 {
            let answer = post_from(&world, HOME, "/v1/auth/users/login", &log_in(email, "wrong")).await;
            answer.problem(401, "invalid_credentials");
        }
        let mut answer = post_from(&world, HOME, "/v1/auth/users/login", &log_in(email, "wrong")).await;
        assert_limited(&answer, "12");
        let mut problem = answer.any_problem();
        problem["request_id"] = Value::Null;
        answer.headers.remove("x-request-id");
        refusals.push((problem, answer.headers));
    }
    assert_eq!(refusals[0], refusals[1]);
    // Neither another address nor another account suffers, and waiting as told helps.
    let right = log_in("ada@example.com", PASSWORD);
    post_from(&world, AWAY, "/v1/auth/users/login", &right).await.json(200);
    assert_limited(&post_from(&world, HOME, "/v1/auth/users/login", &right).await, "12");
    world.clock.advance(Duration::from_secs(12));
    post_from(&world, HOME, "/v1/auth/users/login", &right).await.json(200);
}

#[tokio::test]
async fn twenty_sign_ups_a_minute_from_one_address() {
    let world = world(LimitsConfig { signup_per_minute: 3, ..LimitsConfig::OFF });
    for n in 0..3 {
        post_from(&world, HOME, "/v1/auth/users/signup", &sign_up(n)).await.json(201);
    }
    assert_limited(&post_from(&world, HOME, "/v1/auth/users/signup", &sign_up(3)).await, "20");
    let mut artist = sign_up(4);
    artist["artist_name"] = json!("N");
    assert_limited(&post_from(&world, HOME, "/v1/auth/artists/signup", &artist).await, "20");
    post_from(&world, AWAY, "/v1/auth/users/signup", &sign_up(5)).await.json(201);
    world.clock.advance(Duration::from_secs(20));
    post_from(&world, HOME, "/v1/auth/users/signup", &sign_up(6)).await.json(201);
    assert_eq!(LimitsConfig::default().signup_per_minute, 20);
}

#[tokio::test]
async fn mails_can_be_asked_for_as_often_as_sign_ups() {
    let world = world(LimitsConfig { signup_per_minute: 3, ..LimitsConfig::OFF });
    for n in 0..3 {
        let body = json!({"email": format!("n{n}@example.com")});
        post_from(&world, HOME, "/v1/auth/password/forgot", &body).await.empty(202);
    }
    let body = json!({"email": "n@example.com"});
    assert_limited(&post_from(&world, HOME, "/v1/auth/password/forgot", &body).await, "20");
    post_from(&world, AWAY, "/v1/auth/password/forgot", &body).await.empty(202);
}

#[tokio::test]
async fn requests_are_counted_by_account_and_else_by_address() {
    let world = world(LimitsConfig { requests_per_minute: 6, ..LimitsConfig::OFF });
    let (ada, bob) = (world.listener("ada").await, world.listener("bob").await);
    for n in 0..6 {
        let address = format!("192.0.2.{n}");
        get_from(&world, &address, "/v1/me", &ada.token).await.json(200);
    }
    assert_limited(&get_from(&world, AWAY, "/v1/me", &ada.token).await, "10");
    get_from(&world, AWAY, "/v1/me", &bob.token).await.json(200);
    for _ in 0..6 {
        get_from(&world, HOME, "/v1/me", "bad token").await.problem(401, "invalid_token");
    }
    for (path, token) in [("/v1/me", ""), ("/v1/tracks", "bad token"), ("/v1/nothing", "")] {
        assert_limited(&get_from(&world, HOME, path, token).await, "10");
    }
    get_from(&world, HOME, "/v1/me", &bob.token).await.json(200);
    for path in ["/health/live", "/health/ready", "/openapi.json", "/media/audio/x"] {
        assert_ne!(get_from(&world, HOME, path, "").await.status, 429, "{path} is not counted");
    }
    world.clock.advance(Duration::from_secs(10));
    get_from(&world, HOME, "/v1/tracks", "").await.problem(401, "unauthorized");
    assert_limited(&get_from(&world, HOME, "/v1/tracks", "").await, "10");
}

#[tokio::test]
async fn more_accounts_at_one_address_buy_no_more_requests_than_ten_do() {
    let world = world(LimitsConfig { requests_per_minute: 2, ..LimitsConfig::OFF });
    let mut accounts = Vec::new();
    for n in 0..12 {
        accounts.push(world.listener(&format!("n{n}")).await);
    }
    // What an account is refused is not taken from the others there.
    for _ in 0..30 {
        get_from(&world, HOME, "/v1/me", &accounts[0].token).await;
    }
    let mut served = 2;
    for account in &accounts[1..] {
        for _ in 0..2 {
            served += usize::from(get_from(&world, HOME, "/v1/me", &account.token).await.status == 200);
        }
    }
    assert_eq!(served, 20);
    assert_limited(&get_from(&world, HOME, "/v1/me", &accounts[11].token).await, "3");
    get_from(&world, AWAY, "/v1/me", &accounts[10].token).await.json(200);
    world.clock.advance(Duration::from_secs(3));
    get_from(&world, HOME, "/v1/me", &accounts[11].token).await.json(200);
    assert_limited(&get_from(&world, HOME, "/v1/me", &accounts[11].token).await, "3");
    assert_limited(&get_from(&world, HOME, "/v1/tracks", "").await, "3");
}

#[tokio::test]
async fn no_token_pays_for_guesses() {
    let world = world(LimitsConfig { requests_per_minute: 3, ..LimitsConfig::OFF });
    let (ada, bob) = (world.listener("ada").await, world.listener("bob").await);
    let guess = async |path: &str, token: &str, address: &str| {
        let request = world.request(Method::POST, path, token).header("content-type", "application/json");
        world.send(from(address, request.body(Body::from("{}")).unwrap())).await
    };
    let paths = ["/v1/auth/users/login", "/v1/auth/artists/login", "/v1/auth/refresh"];
    for (path, token) in paths.into_iter().zip([ada.token.as_str(), &bob.token, "bad token"]) {
        guess(path, token, HOME).await.problem(422, "validation_failed");
    }
    for path in
        ["/v1/auth/users/login", "/v1/auth/users/signup", "/v1/auth/refresh", "/v1/auth/password/forgot"]
    {
        for token in ["", ada.token.as_str(), &bob.token] {
            assert_limited(&guess(path, token, HOME).await, "20");
        }
    }
    // Neither token was charged for it, nor anybody elsewhere.
    get_from(&world, HOME, "/v1/me", &ada.token).await.json(200);
    guess("/v1/auth/users/login", &ada.token, AWAY).await.problem(422, "validation_failed");
}

#[tokio::test]
async fn a_forged_header_buys_nothing() {
    let limits = LimitsConfig { requests_per_minute: 2, ..LimitsConfig::OFF };
    for (proxies, counted) in [(0, HOME), (1, "203.0.113.9")] {
        let world = World::build(|core| core.limits = limits, |http| http.trusted_proxies = proxies);
        let ask = async |forged: &str| {
            let request = world.request(Method::GET, "/v1/tracks", "");
            let request = request.header("x-forwarded-for", format!("{forged}, 203.0.113.9"));
            world.send(from(HOME, request.body(Body::empty()).unwrap())).await
        };
        for n in 0..2 {
            ask(&format!("198.51.100.{n}")).await.problem(401, "unauthorized");
        }
        for forged in ["198.51.100.7", "", "unknown", "::1", "10.0.0.1, 10.0.0.2"] {
            assert_limited(&ask(forged).await, "30");
        }
        // The budget that was spent is the one of the address that counts.
        let proof = world.request(Method::GET, "/v1/tracks", "").header("x-forwarded-for", counted);
        assert_limited(&world.send(from(HOME, proof.body(Body::empty()).unwrap())).await, "30");
    }
}

#[tokio::test]
async fn one_ipv6_network_is_one_caller() {
    let world = world(LimitsConfig { requests_per_minute: 2, ..LimitsConfig::OFF });
    for last in 1..=2 {
        get_from(&world, &format!("2001:db8:1:1::{last}"), "/v1/tracks", "")
            .await
            .problem(401, "unauthorized");
    }
    assert_limited(&get_from(&world, "2001:db8:1:1:ffff::", "/v1/tracks", "").await, "30");
    get_from(&world, "2001:db8:1:2::1", "/v1/tracks", "").await.problem(401, "unauthorized");
}

#[tokio::test]
async fn zero_is_no_limit() {
    let world = world(LimitsConfig::OFF);
    world.listener("ada").await;
    for _ in 0..8 {
        let answer = post_from(&world, HOME, "/v1/auth/users/login", &log_in("ada@example.com", "x")).await;
        answer.problem(401, "invalid_credentials");
    }
    for _ in 0..700 {
        get_from(&world, HOME, "/v1/tracks", "").await.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn passwords_that_are_guessed_first_are_refused() {
    let world = World::new();
    for (password, code) in [
        ("password1234", "password_too_common"),
        ("Lovelace1815", "password_contains_own_words"),
        ("ada@example.com", "password_contains_own_words"),
    ] {
        let body = json!({
            "email": "ada@example.com", "password": password, "first_name": "Ada", "last_name": "Lovelace",
        });
        let errors = world.post("/v1/auth/users/signup", "", body).await.field_errors();
        assert_eq!(errors, [("/password".to_owned(), code.to_owned())]);
    }
}
