//! Four services as four processes: what each needs, what it says without it, and who lets people in while the
//! auth service rotates its keys or is dead.
#![cfg(feature = "rabbitmq")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../../crates/moodify-adapters/tests/shared/broker.rs"]
mod broker;
#[path = "js/device.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod device;
mod support;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use broker::Broker;
use device::Device;
use moodify_adapters::sql::{SqlConfig, SqlStore, SqliteConfig};
use moodify_core::{
    memory::{SystemClock, SystemRng},
    model::{KeyPurpose, StoredKey},
    port::KeyStore,
    service::{Context, KeyRing},
};
use serde_json::{Value, json};
use support::{
    Place,
    apart::{Addresses, Apart},
    http::{get, post},
    wait_for,
};

const PASSWORD: &str = "low water at the pier";

fn sqlite(service: &str) -> String {
    format!("sqlite://data/{service}.db")
}

/// Signs somebody up at this address, and returns the session.
fn sign_up(url: &str, name: &str) -> Value {
    let person = json!({
        "email": format!("{name}@example.org"), "password": PASSWORD, "first_name": "Nina", "last_name": "Tide"
    });
    let session = post(url, "/v1/auth/users/signup", &person);
    assert_eq!(session.status, 201, "{session:?}");
    session.json()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// The parts that a process names in its readiness, and its status.
fn readiness(url: &str) -> (u16, BTreeMap<String, String>) {
    let answer = get(url, "/health/ready", "");
    let body = answer.json();
    let checks = body["checks"].as_array().unwrap().iter();
    let checks = checks.map(|check| (text(check, "name").to_owned(), text(check, "status").to_owned()));
    (answer.status, checks.collect())
}

/// A key that was made so long ago.
#[tokio::main]
async fn make_key(place: &Place, age: Duration) {
    let config = SqlConfig::from(SqliteConfig::new(place.path().join("data/auth.db")));
    let store = SqlStore::connect_beside(&config).await.unwrap();
    let context = Context::new(std::sync::Arc::new(SystemClock), std::sync::Arc::new(SystemRng));
    let (id, made) = (context.new_id(), context.now() - age);
    let key = StoredKey::new(id, KeyPurpose::AccessToken, made, context.random());
    assert!(store.add_key(&key, false).await.unwrap());
    store.close().await;
}

/// What tells by which key a token is signed.
fn header(token: &str) -> &str {
    token.split('.').next().unwrap()
}

/// Somebody whose every token is kept.
struct Listener {
    refresh_token: String,
    tokens: Vec<String>,
}

impl Listener {
    fn new(front: &str, name: &str) -> Self {
        let session = sign_up(front, name);
        let tokens = vec![text(&session, "access_token").to_owned()];
        Self { refresh_token: text(&session, "refresh_token").to_owned(), tokens }
    }

    fn refresh(&mut self, front: &str) {
        let session = post(front, "/v1/auth/refresh", &json!({"refresh_token": self.refresh_token}));
        assert_eq!(session.status, 200, "{session:?}");
        let session = session.json();
        self.refresh_token = text(&session, "refresh_token").to_owned();
        self.tokens.push(text(&session, "access_token").to_owned());
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the processes go by the machine's clock")]
fn no_good_token_is_refused_while_keys_rotate_and_while_the_auth_service_is_dead() {
    if !device::is_available() {
        return;
    }
    let Some(addresses) = Addresses::choose(1, 1) else { return };
    let Some(broker) = Broker::start() else { return };
    let place = Place::new();
    place.file("moodify.toml", addresses.settings(&broker.url(), sqlite));
    assert_eq!(place.run(&["migrate", "auth"]).code, Some(0));
    make_key(&place, Duration::from_secs(3600));
    let mut apart = Apart::start(&place, addresses);
    let front = apart.front.url.clone();
    let mut ada = Listener::new(&front, "ada");
    assert_eq!(get(&front, "/v1/me/likes", &ada.tokens[0]).status, 200);
    plays(&front, &ada.tokens[0]);

    // Auth comes back with a second key, which signs six seconds from now; the others have asked just before.
    apart.auth.clear();
    make_key(&place, KeyRing::ACTIVATION - Duration::from_secs(6));
    apart.start_auth_again(&place);
    let (begun, mut asked) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(60) {
        ada.refresh(&front);
        for token in ada.tokens.iter().rev().take(20) {
            let answer = get(&front, "/v1/me/likes", token);
            assert_eq!(answer.status, 200, "after {:?}: {answer:?}", begun.elapsed());
            asked += 1;
        }
        // Past the change, and for a while.
        if ada.tokens.iter().filter(|token| header(token) != header(&ada.tokens[0])).count() > 10 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let (first, last) = (&ada.tokens[0], ada.tokens.last().unwrap());
    assert_ne!(header(first), header(last), "the new key signs");
    for token in [first, last] {
        plays(&front, token);
    }

    for process in apart.auth.drain(..) {
        process.kill();
    }
    for token in &ada.tokens {
        assert_eq!(get(&front, "/v1/me/likes", token).status, 200);
        asked += 1;
    }
    assert!(asked > 50, "{asked}");
    plays(&front, last);
    assert_eq!(readiness(&apart.music[0].url), (200, parts(&["database", "media", "queue", "jwks"])));
    assert_eq!(get(&front, "/v1/me", last).status, 502, "the proxy says who is away");

    who_starts_while_it_is_dead_lets_nobody_in_yet(&place, &mut apart, last);
    apart.ends_well();
}

fn who_starts_while_it_is_dead_lets_nobody_in_yet(place: &Place, apart: &mut Apart, token: &str) {
    let mut command = place.command(&["serve", "music", "--listen", "127.0.0.1:0", "--data", "late"]);
    let late = support::Server::start(command.env("MOODIFY_DATABASES_MUSIC", "sqlite://late/music.db"));
    let (status, checks) = readiness(&late.url);
    assert_eq!((status, checks["jwks"].as_str()), (503, "failed"), "{checks:?}");
    let answer = get(&late.url, "/v1/me/likes", token);
    assert_eq!(answer.status, 503, "it may be a good one: {answer:?}");
    apart.start_auth_again(place);
    wait_for("keys of the auth service", || get(&late.url, "/v1/me/likes", token).status == 200);
    assert_eq!(readiness(&late.url).0, 200);
    late.terminate();
    let (code, log) = late.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("no key of the auth service is known yet"), "it says so at its start: {log}");
}

/// A device with this token gets its place.
#[tokio::main]
async fn plays(url: &str, token: &str) {
    let mut device = Device::connected(url, token).await;
    let hello = json!({"device_id": "phone", "name": "phone", "kind": "web", "capabilities": []});
    let welcome = device.emit("hello", hello).await;
    assert!(welcome["state"].is_object(), "{welcome}");
}

fn parts(names: &[&str]) -> BTreeMap<String, String> {
    names.iter().map(|name| ((*name).to_owned(), "ok".to_owned())).collect()
}

#[test]
fn each_service_has_what_it_needs_and_the_tools_find_their_way() {
    let Some(addresses) = Addresses::choose(1, 1) else { return };
    let Some(broker) = Broker::start() else { return };
    let place = Place::new();
    place.file("moodify.toml", addresses.settings(&broker.url(), sqlite));
    let migrated = place.run(&["migrate"]);
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    assert_eq!(migrated.stdout.matches(" is up to date.").count(), 4, "{migrated:?}");

    let apart = Apart::start(&place, addresses);
    for (process, names) in [
        (&apart.auth[0], &["database", "queue"][..]),
        (&apart.music[0], &["database", "media", "queue", "jwks"]),
        (&apart.notification[0], &["database", "queue", "mailer"]),
        (&apart.sync[0], &["database", "queue", "jwks"]),
    ] {
        assert_eq!(readiness(&process.url), (200, parts(names)));
        let address = process.url.strip_prefix("http://").unwrap();
        assert_eq!(place.run(&["healthcheck", "--listen", address]).code, Some(0));
    }
    for (service, has, has_not) in [
        ("auth", &["database", "keys", "queue"][..], &["media", "mailer", "sync", "uploads"][..]),
        ("music", &["database", "queue", "media", "uploads", "jwks"], &["keys", "mailer", "sync"]),
        ("notification", &["database", "queue", "mailer"], &["keys", "media", "sync", "uploads"]),
        ("sync", &["database", "queue", "sync", "jwks"], &["keys", "media", "mailer", "uploads"]),
        ("all", &["database", "keys", "queue", "media", "mailer", "sync", "uploads", "jwks"], &[]),
    ] {
        let doctor = place.run(&["doctor", service, "--listen", "127.0.0.1:0"]);
        assert_eq!(doctor.code, Some(0), "{doctor:?}");
        let row = |part: &&str| doctor.stdout.lines().any(|line| line.starts_with(&format!("{part} ")));
        assert!(has.iter().all(row) && !has_not.iter().any(row), "{service}: {}", doctor.stdout);
    }

    // Keys of tokens are auth's, those of signed URLs music's.
    let artist = json!({
        "email": "nina@example.org", "password": PASSWORD, "first_name": "Nina", "last_name": "Tide",
        "artist_name": "Nina and the Tides"
    });
    let session = post(&apart.front.url, "/v1/auth/artists/signup", &artist).json();
    place.file(
        "music/a.mp3",
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../media/vbr-stereo-id3v24-cover.mp3")).unwrap(),
    );
    let imported = place.run(&["import", "music", "--artist", "nina@example.org"]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let found = get(&apart.front.url, "/v1/tracks?q=slow", text(&session, "access_token")).json();
    assert_eq!(found["items"][0]["title"], "Slow Tide", "{found}");
    let keys = place.run(&["keys", "list"]).stdout;
    for purpose in ["access-token", "refresh-token", "media-url"] {
        let lines: Vec<&str> = keys.lines().filter(|line| line.starts_with(purpose)).collect();
        assert!(lines.len() == 1 && lines[0].ends_with("signs"), "{purpose}: {keys}");
    }
    let letters = place.run(&["dead-letters", "list"]);
    assert_eq!(letters.stdout, "There is no dead letter.\n", "{letters:?}");
    apart.ends_well();
}

#[test]
fn a_service_that_lacks_a_setting_says_which() {
    let place = Place::new();
    let broker = "queue = \"amqp://guest:guest@127.0.0.1:1\"\n";
    let own = "[databases]\nauth = \"sqlite://a.db\"\nmusic = \"sqlite://m.db\"\nsync = \"sqlite://s.db\"\n";
    let serve = |settings: &str, service: &str| {
        place.file("moodify.toml", settings);
        place.run(&["serve", service, "--listen", "127.0.0.1:0"])
    };
    for service in ["music", "sync"] {
        let ended = serve(&format!("{broker}{own}"), service);
        ended.assert_told("accounts.jwks_url is not set", "MOODIFY_ACCOUNTS_JWKS_URL");
    }
    let jwks = "[accounts]\njwks_url = \"http://127.0.0.1:1/.well-known/jwks.json\"\n";
    serve(&format!("{own}{jwks}"), "auth").assert_told("queue is database:", "MOODIFY_QUEUE");
    serve(&format!("{broker}{own}{jwks}"), "all").assert_told("databases.auth is set", "serve auth");
    for wrong in ["auth", "ftp://auth/keys", "http://ada:hunter2@auth/keys"] {
        let ended = serve(&format!("{broker}[accounts]\njwks_url = \"{wrong}\"\n"), "music");
        ended.assert_told("moodify.toml, line 3: an address such as http://auth", "correct that line");
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    }
}

#[test]
fn a_service_opens_nothing_that_it_does_not_need() {
    let place = Place::new();
    let nowhere = "media = \"file:///proc/nothing\"\nmailer = \"file:///proc/nothing\"\n";
    place.file("moodify.toml", nowhere);
    for service in ["auth", "sync"] {
        let server = place.serve(&[service]);
        server.terminate();
        assert_eq!(server.ended().0, Some(0));
    }
    for (service, setting) in [("music", "media"), ("notification", "mailer")] {
        let ended = place.run(&["serve", service, "--listen", "127.0.0.1:0"]);
        ended.assert_told(&format!("{setting} at file:///proc/nothing cannot be used"), "");
    }
}
