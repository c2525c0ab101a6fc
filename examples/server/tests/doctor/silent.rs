//! Servers that take connections and then say nothing: the doctor ends all the same.
#![allow(clippy::disallowed_methods, reason = "how long another process takes, by its own clock")]

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use crate::{SECRET, support::Place, told_with};

/// The doctor's own 12 seconds and 2 to part, and as many again for a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(28);

/// A listener whose connections the system takes, and nobody serves.
fn silence() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// With everything there that this program was built for.
fn all_silent(database: &str, parts: &[&str]) {
    let (_listener, at) = silence();
    let settings = format!(
        "database = \"{database}://ada:{SECRET}@{at}/music\"\nqueue = \"amqp://ada:{SECRET}@{at}/music\"\n\
         media = \"s3://music?region=eu-west-1&endpoint=http://{at}&path_style=true\"\n\
         mailer = \"smtp://ada:{SECRET}@{at}\"\npublic_url = \"https://music.example.org\"\n\
         [google]\nissuer = \"http://{at}\"\nclient_id = \"app\"\nclient_secret = \"{SECRET}\"\n"
    );
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let place = Place::new();
    let begun = Instant::now();
    let told = told_with(&place, &settings, &keys);
    let took = begun.elapsed();
    assert!(took < PATIENCE, "{took:?}: {:?}", told.ended);
    for part in parts {
        told.assert_failed(part, "", "");
    }
    told.assert_row("cors", "-", "it needs media", "");
}

#[test]
fn it_ends_in_time_when_everything_is_silent() {
    all_silent("postgres", &["database", "queue", "media", "mailer", "google"]);
}

#[test]
fn it_ends_in_time_when_a_mongodb_is_silent_too() {
    all_silent("mongodb", &["database", "queue", "media", "mailer", "google"]);
}
