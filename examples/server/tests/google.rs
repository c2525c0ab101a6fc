//! The program with OpenID Connect issuers: a certified one, and one that lies, is slow, or is gone.
#![cfg(feature = "google")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "js/issuer.rs"]
mod issuer;
mod support;

use std::collections::HashMap;
use std::time::Duration;

use issuer::Issuer;
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};
use support::{Place, Server};
use url::Url;

/// Where browsers reach the program, as it is told: a test leads them to where it really is.
const PUBLIC: &str = "http://music.example";
const CALLBACK: &str = "http://music.example/v1/auth/google/callback";
/// Far more than any of it takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn settings(issuer: &str, secret: &str) -> String {
    format!(
        "public_url = \"{PUBLIC}\"\n[google]\nissuer = \"{issuer}\"\nclient_id = \"app\"\n\
         client_secret = \"{secret}\"\ntimeout_secs = 1\n"
    )
}

fn serving(place: &Place, issuer: &Issuer) -> Server {
    place.file("moodify.toml", settings(&issuer.url, "app-secret"));
    place.serve(&["all"])
}

/// As much of a browser as this takes: it follows redirects, and keeps each host's cookies to itself.
struct Browser<'a> {
    server: &'a Server,
    client: Client,
    cookies: HashMap<String, HashMap<String, String>>,
}

impl<'a> Browser<'a> {
    fn new(server: &'a Server) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).build().unwrap();
        Self { server, client, cookies: HashMap::new() }
    }

    async fn get(&mut self, url: &Url) -> Response {
        let host = url.authority().to_owned();
        let reached = url.as_str().replacen(PUBLIC, &self.server.url, 1);
        let jar = self.cookies.entry(host).or_default();
        let cookies: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = self.client.get(reached).header("cookie", cookies.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            match rest.split(';').next().unwrap() {
                "" => jar.remove(name),
                value => jar.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    /// Sets out to sign in; where the browser is when it is to leave for the callback.
    async fn until_callback(&mut self, query: &str) -> Url {
        let mut url = Url::parse(&format!("{PUBLIC}/v1/auth/google/start{query}")).unwrap();
        for _ in 0..10 {
            let answer = self.get(&url).await;
            assert!(answer.status().is_redirection(), "{url}: {}", answer.text().await.unwrap());
            url = url.join(answer.headers()["location"].to_str().unwrap()).unwrap();
            if url.as_str().starts_with(CALLBACK) {
                return url;
            }
        }
        panic!("{url} leads nowhere");
    }

    /// Where the callback leads.
    async fn comes_back(&mut self, callback: &Url) -> String {
        let answer = self.get(callback).await;
        assert_eq!(answer.status(), 303);
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    async fn signs_in(&mut self, query: &str) -> String {
        let callback = self.until_callback(query).await;
        self.comes_back(&callback).await
    }

    /// What a page of the front end does next.
    async fn session(&self) -> Value {
        let refresh = &self.cookies["music.example"]["moodify_refresh"];
        let url = format!("{}/v1/auth/refresh", self.server.url);
        let request = self.client.post(url).header("cookie", format!("moodify_refresh={refresh}"));
        let answer = request.header("origin", PUBLIC).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    fn is_signed_in(&self) -> bool {
        self.cookies.get("music.example").is_some_and(|jar| jar.contains_key("moodify_refresh"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_sign_in_through_a_certified_provider() {
    let Some(issuer) = Issuer::certified(CALLBACK).await else { return };
    let place = Place::new();
    let server = serving(&place, &issuer);
    let mut ada = Browser::new(&server);
    assert_eq!(ada.signs_in("?role=artist&return_to=/studio").await, "/studio");
    let session = ada.session().await;
    let me = &session["account"];
    assert_eq!((&me["email"], &me["role"]), (&json!("ada@example.com"), &json!("artist")));
    assert_eq!((&me["first_name"], &me["email_verified"]), (&json!("Ada"), &json!(true)));

    // Another device of hers; then somebody else.
    let mut tablet = Browser::new(&server);
    assert_eq!(tablet.signs_in("?role=artist").await, "/");
    assert_eq!(tablet.session().await["account"]["id"], me["id"]);
    issuer.control(json!({"person": "grace"})).await;
    let mut grace = Browser::new(&server);
    assert_eq!(grace.signs_in("").await, "/");
    assert_ne!(grace.session().await["account"]["id"], me["id"]);

    // A code is good once, with its own verifier, and a callback in the browser that began.
    let mut eve = Browser::new(&server);
    let callback = eve.until_callback("").await;
    let mut stranger = Browser::new(&server);
    assert_eq!(stranger.comes_back(&callback).await, "/?error=sign_in_expired");
    let own = stranger.until_callback("").await;
    let swap = |url: &Url, with: &Url| {
        let code = with.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let others: Vec<_> = url.query_pairs().filter(|(name, _)| name != "code").collect();
        let mut swapped = url.clone();
        swapped.query_pairs_mut().clear().extend_pairs(others).append_pair("code", &code);
        swapped
    };
    assert_eq!(stranger.comes_back(&swap(&own, &callback)).await, "/?error=identity_refused");
    assert!(!stranger.is_signed_in());

    let log = server.kill();
    for secret in ["app-secret", "code=", "verifier", "ada@example.com"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_token_is_refused() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let place = Place::new();
    let server = serving(&place, &issuer);
    let attacks = issuer.control(json!({})).await;
    let attacks: Vec<_> =
        attacks["attacks"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(attacks.len() > 20, "{attacks:?}");
    for attack in attacks {
        issuer.control(json!({ "token": attack })).await;
        let mut browser = Browser::new(&server);
        let code = if attack == "long" { "identity_provider_unavailable" } else { "identity_refused" };
        let led = browser.signs_in("?return_to=/library").await;
        assert_eq!(led, format!("/library?error={code}"), "{attack}");
        assert!(!browser.is_signed_in(), "{attack}");
    }
    // None of it made an account, or stands in the way of whoever comes with a good token.
    issuer.control(json!({"token": "good", "claims": {"email_verified": false}})).await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.signs_in("").await, "/?error=email_not_verified");
    issuer.control(json!({"claims": {}})).await;
    assert_eq!(browser.signs_in("").await, "/");
    assert!(browser.is_signed_in());
    let log = server.kill();
    assert!(log.contains("an identity was refused") && !log.contains("eyJ"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_keys_are_looked_up_and_floods_of_them_are_not() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let place = Place::new();
    let server = serving(&place, &issuer);
    assert_eq!(Browser::new(&server).signs_in("").await, "/");
    assert_eq!(Browser::new(&server).signs_in("").await, "/");
    assert_eq!(issuer.asked("/jwks").await, 1, "kept");
    assert_eq!(issuer.asked("/.well-known/openid-configuration").await, 1, "kept");
    issuer.control(json!({"rotate": true})).await;
    assert_eq!(Browser::new(&server).signs_in("").await, "/", "a rotated key works at once");
    assert_eq!(issuer.asked("/jwks").await, 2);
    issuer.control(json!({"token": "unknown_kid"})).await;
    for _ in 0..20 {
        assert_eq!(Browser::new(&server).signs_in("").await, "/?error=identity_refused");
    }
    let asked = issuer.asked("/jwks").await;
    // Five in a row, and one each half minute.
    assert!((5..12).contains(&asked), "asked {asked} times");
    issuer.control(json!({"token": "good"})).await;
    assert_eq!(Browser::new(&server).signs_in("").await, "/", "what is known still works");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_in_trouble_is_told_within_a_bounded_time_and_recovers() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let place = Place::new();
    // It is down when the program starts: that needs nobody's server.
    let down = json!({"/.well-known/openid-configuration": "500"});
    issuer.control(json!({ "trouble": down })).await;
    let server = serving(&place, &issuer);
    let start = Url::parse(&format!("{PUBLIC}/v1/auth/google/start")).unwrap();
    let refused = Browser::new(&server).get(&start).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "identity_provider_unavailable");
    issuer.control(json!({"trouble": {}})).await;
    support::wait_until("the provider is asked again", || {
        let asked = support::http::get(&server.url, "/v1/auth/google/start", "x");
        if asked.status == 303 { Ok(()) } else { Err(asked.status) }
    });
    for trouble in ["500", "silent", "html"] {
        let mut browser = Browser::new(&server);
        let callback = browser.until_callback("?return_to=/library").await;
        issuer.control(json!({"trouble": {"/token": trouble}})).await;
        let led = tokio::time::timeout(Duration::from_secs(30), browser.comes_back(&callback)).await;
        let led = led.expect("an answer in time");
        assert_eq!(led, "/library?error=identity_provider_unavailable", "{trouble}");
        issuer.control(json!({"trouble": {}})).await;
        assert_eq!(browser.signs_in("").await, "/", "it has recovered from {trouble}");
    }
    // Whoever has a password needs no provider.
    let body = json!({"email": "grace@example.com", "password": "low water at the pier",
        "first_name": "Grace", "last_name": "Tide"});
    assert_eq!(support::http::post(&server.url, "/v1/auth/users/signup", &body).status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_says_what_is_wrong_with_the_provider() {
    let Some(issuer) = Issuer::hostile().await else { return };
    let place = Place::new();
    let row = || {
        let ended = place.run(&["doctor", "--listen", "127.0.0.1:0"]);
        let rows = ended.stdout.split_once("\ngoogle").unwrap().1.to_owned();
        rows.split("\nlisten").next().unwrap().to_owned()
    };
    assert!(row().contains("not set up"), "{}", row());
    place.file("moodify.toml", settings(&issuer.url, "app-secret"));
    assert!(row().contains(" ok ") && row().contains(CALLBACK), "{}", row());
    place.file("moodify.toml", settings(&issuer.url, "hunter2"));
    assert!(row().contains("FAIL") && row().contains("invalid_client"), "{}", row());
    assert!(!row().contains("hunter2"), "{}", row());
    place.file("moodify.toml", settings(&issuer.url, "app-secret"));
    issuer.control(json!({"says": "https://accounts.google.com"})).await;
    assert!(row().contains("FAIL") && row().contains("another one"), "{}", row());
    issuer.control(json!({"trouble": {"/.well-known/openid-configuration": "html"}})).await;
    assert!(row().contains("FAIL") && row().contains("does not say who it is"), "{}", row());
    place.file("moodify.toml", settings("http://127.0.0.1:1", "app-secret"));
    assert!(row().contains("FAIL") && row().contains("issuer"), "{}", row());
}

#[test]
fn settings_that_cannot_be_meant_stop_the_start() {
    let place = Place::new();
    for (settings, what, fix) in [
        ("[google]\nclient_id = \"app\"\n", "google.client_secret is not", "MOODIFY_GOOGLE_CLIENT_SECRET"),
        (&settings("http://id.example", "x"), "can be anybody", "google.issuer"),
        (&settings("accounts.google.com", "x"), "https:// address", "google.issuer"),
        (&(settings("https://id.example", "x") + "ca_file = \"absent.pem\"\n"), "google.ca_file", "PEM"),
    ] {
        place.file("moodify.toml", settings);
        place.run(&["serve", "--listen", "127.0.0.1:0"]).assert_told(what, fix);
    }
}
