//! What somebody sees who watches a server from outside: metrics and the log.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::{Value, json};
use support::{
    Place, Server,
    http::{Answer, Open, get, post},
    wait_until,
};

#[test]
fn metrics_tell_what_happened() {
    let place = Place::new();
    let server = place.serve(&["all"]);
    let nina = sign_up(&server.url);
    let refused = upload(&server.url, &nina, b"no music");
    assert_eq!(refused.status, 422, "{refused:?}");
    let sample = format!("{}/../media/cbr-stereo-id3v23.mp3", env!("CARGO_MANIFEST_DIR"));
    let sample = fs::read(sample).unwrap();
    let stored = upload(&server.url, &nina, &sample);
    assert_eq!(stored.status, 201, "{stored:?}");
    for n in 0..300 {
        get(&server.url, &format!("/nothing/{n}"), "");
    }

    let handled = "moodify_deliveries_total{consumer=\"notification\",outcome=\"handled\"}";
    let metrics = wait_until("both mails are handled", || {
        let metrics = scrape(&server.url, "");
        if metrics.get(handled) == Some(&2.0) { Ok(metrics) } else { Err(metrics) }
    });
    let number = |series: &str| *metrics.get(series).unwrap_or_else(|| panic!("{series}: {metrics:#?}"));
    for (series, value) in [
        // A welcome, and the proof of the mailbox.
        (handled, 2.0),
        ("moodify_delivery_seconds_count{consumer=\"notification\"}", 2.0),
        (
            "moodify_http_requests_total{method=\"POST\",route=\"/v1/auth/artists/signup\",status=\"2xx\"}",
            1.0,
        ),
        ("moodify_http_requests_total{method=\"POST\",route=\"/v1/tracks\",status=\"4xx\"}", 1.0),
        ("moodify_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"4xx\"}", 300.0),
        ("moodify_http_request_seconds_count{method=\"POST\",route=\"/v1/tracks\"}", 2.0),
        ("moodify_uploads_total", 1.0),
        ("moodify_upload_bytes_total", sample.len() as f64),
        ("moodify_uploads_refused_total{reason=\"unsupported_media\"}", 1.0),
        ("moodify_outbox_events", 0.0),
        ("moodify_outbox_age_seconds", 0.0),
        ("moodify_dead_letters{consumer=\"notification\"}", 0.0),
        ("moodify_password_hashes_running", 0.0),
        ("moodify_sockets_open", 0.0),
        ("moodify_scrape_ok", 1.0),
    ] {
        assert_eq!(number(series), value, "{series}");
    }
    let slow = "moodify_http_request_seconds_sum{method=\"POST\",route=\"/v1/auth/artists/signup\"}";
    assert!(number(slow) > 0.001, "a password was hashed");
    if cfg!(target_os = "linux") {
        for series in ["process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"] {
            assert!(number(series) > 0.0, "{series}");
        }
    }
    let series: BTreeSet<&str> = metrics.keys().map(|series| series.split('{').next().unwrap()).collect();
    assert!(metrics.len() < 400, "few series, whatever clients ask for: {series:?}");
}

#[test]
fn metrics_are_shown_to_nobody_unknown() {
    const TOKEN: &str = "3f1c0f5e9ad14b7c8e02";
    let place = Place::new();
    let serve = |variables: &[(&str, &str)]| {
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("MOODIFY_PUBLIC_URL", "https://music.example.org").envs(variables.iter().copied());
        Server::start(&mut command)
    };
    let server = serve(&[]);
    assert_eq!(get(&server.url, "/metrics", "").status, 404, "clients from elsewhere may come");
    drop(server);

    let server = serve(&[("MOODIFY_METRICS_TOKEN", TOKEN)]);
    assert_eq!(get(&server.url, "/metrics", "x").status, 401);
    assert!(scrape(&server.url, TOKEN).contains_key("moodify_uploads_total"));
    drop(server);

    let server = serve(&[("MOODIFY_METRICS_LISTEN", "127.0.0.1:0")]);
    assert_eq!(get(&server.url, "/metrics", "").status, 404);
    server.terminate();
    let (_, log) = server.ended();
    assert!(log.contains("metrics are shown here"), "{log}");
}

#[test]
fn metrics_have_an_address_of_their_own_when_one_is_given() {
    let place = Place::new();
    // Free a moment ago.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let server = Server::start(command.env("MOODIFY_METRICS_LISTEN", &address));
    let apart = format!("http://{address}");
    assert!(scrape(&apart, "").contains_key("moodify_uploads_total"));
    assert_eq!(get(&apart, "/health/ready", "").status, 200);
    assert_eq!(get(&apart, "/v1/tracks", "").status, 404);
    assert_eq!(get(&server.url, "/metrics", "").status, 404);
}

#[test]
fn every_request_is_one_line_without_secrets() {
    let place = Place::new();
    let server = place.serve(&["all"]);
    let nina = sign_up(&server.url);
    let me = get(&server.url, "/v1/me?access_token=my-secret-token", &nina);
    assert_eq!(me.status, 200, "{me:?}");
    get(&server.url, "/nothing/at/all?sig=my-secret-signature", "my-secret-bearer");
    get(&server.url, "/v1/tracks?q=my-secret-wish", &nina);
    server.terminate();
    let (_, log) = server.ended();
    for secret in ["my-secret", PASSWORD, "nina@example.org", &nina] {
        assert!(!log.contains(secret), "{secret} is in:\n{log}");
    }
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |path: &str| -> Vec<&Value> { lines.iter().filter(|line| line["path"] == path).collect() };
    let [line] = of("/v1/me")[..] else { panic!("one line: {log}") };
    assert_eq!((&line["status"], &line["bytes"]), (&json!(200), &json!(me.body.len())), "{line}");
    assert_eq!(line["target"], "moodify_http::access");
    assert!(line["elapsed_ms"].is_u64(), "{line}");
    let span = &line["span"];
    assert_eq!((&span["method"], &span["route"]), (&json!("GET"), &json!("/v1/me")), "{line}");
    assert_eq!(span["account"], me.json()["id"], "{line}");
    assert_eq!(span["request_id"].as_str().unwrap().len(), 36, "{line}");
    assert_eq!(of("/nothing/at/all")[0]["status"], 404);
    assert_eq!(of("/v1/tracks").len(), 1);
}

const PASSWORD: &str = "low water at the pier";

fn sign_up(url: &str) -> String {
    let artist = json!({
        "email": "nina@example.org", "password": PASSWORD,
        "first_name": "Nina", "last_name": "Tide", "artist_name": "Nina and the Tides",
    });
    let session = post(url, "/v1/auth/artists/signup", &artist);
    assert_eq!(session.status, 201, "{session:?}");
    session.json()["access_token"].as_str().unwrap().to_owned()
}

fn upload(url: &str, token: &str, mp3: &[u8]) -> Answer {
    let head = "POST /v1/tracks HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=cut";
    let mut body = b"--cut\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nLow Water\r\n".to_vec();
    body.extend(b"--cut\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"a.mp3\"\r\n\r\n");
    body.extend(mp3);
    body.extend(b"\r\n--cut--\r\n");
    let mut open = Open::begin(url, &format!("{head}\r\nAuthorization: Bearer {token}"), body.len());
    open.send(&body);
    open.answer()
}

/// Reads the page as strictly as Prometheus does (text format 0.0.4): every series with its number.
fn scrape(url: &str, token: &str) -> BTreeMap<String, f64> {
    let answer = get(url, "/metrics", token);
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = String::from_utf8(answer.body).unwrap();
    let (mut types, mut series) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(types.insert(name.to_owned(), kind.to_owned()), None, "declared twice: {line}");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(family.chars().all(plain), "{line}");
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| family.strip_suffix(end));
            let histogram = base.is_some_and(|base| types.get(base).is_some_and(|kind| kind == "histogram"));
            assert!(histogram || types.contains_key(family), "no type: {line}");
            let value: f64 = value.parse().unwrap();
            assert!(value.is_finite() && value >= 0.0, "{line}");
            assert_eq!(series.insert(name.to_owned(), value), None, "there twice: {line}");
        }
    }
    series
}
