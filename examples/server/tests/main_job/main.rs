//! The main job, end to end: the built program, an HTTP client, and the official Socket.IO client as the devices. One
//! list of steps, [`steps`], against every deployment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[cfg(feature = "rabbitmq")]
#[path = "../../../../crates/moodify-adapters/tests/shared/broker.rs"]
mod broker;
#[path = "../js/device.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod device;
#[cfg(all(feature = "mongodb", feature = "rabbitmq", feature = "redis", feature = "s3", feature = "smtp"))]
mod every_part;
#[cfg(feature = "smtp")]
#[path = "../js/mail_server.rs"]
mod mail_server;
#[cfg(feature = "redis")]
#[path = "../../../../crates/moodify-adapters/tests/shared/redis.rs"]
mod redis;
#[cfg(feature = "s3")]
#[path = "../support/s3_server.rs"]
mod s3_server;
mod steps;
#[path = "../support/mod.rs"]
mod support;

use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::steps::{Deployment, PASSWORD, Person, mail_to, main_job};
use crate::support::{Place, Server};

/// Mails and media in folders, and a door or two.
struct Folders<'a> {
    place: &'a Place,
    doors: [String; 2],
}

impl Deployment for Folders<'_> {
    fn doors(&self) -> [String; 2] {
        self.doors.clone()
    }

    async fn mails_to(&self, address: &str) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.place.path().join("data/mail")) else { return Vec::new() };
        let files = folder.map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.to_string_lossy().ends_with(".welcome.eml"));
        let texts = files.map(|path| std::fs::read_to_string(path).unwrap());
        texts.filter(|text| text.contains(address)).collect()
    }

    fn stored_media(&self) -> Vec<String> {
        let folders = ["audio", "cover"].map(|name| self.place.path().join("data/media").join(name));
        let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        files.map(|entry| entry.unwrap().path().display().to_string()).collect()
    }
}

impl<'a> Folders<'a> {
    /// With one door for the artist, and one for the listeners.
    fn new(place: &'a Place, one: &Server, other: &Server) -> Self {
        Self { place, doors: [one.url.clone(), other.url.clone()] }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sign_up_to_the_second_device() {
    if !device::is_available() {
        return;
    }
    let place = Place::new();
    let server = place.serve(&["all"]);
    main_job(&Folders::new(&place, &server, &server)).await;
    ends_well(server);
}

/// Two processes share one database and one folder of media, as behind a load balancer: what is done at
/// one of them is seen at the other.
#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_postgres_do_the_main_job() {
    if !device::is_available() {
        return;
    }
    let Some(postgres) = support::postgres::Postgres::start() else { return };
    two_processes_do_the_main_job(&postgres.database("moodify")).await;
}

/// The same on MongoDB.
#[cfg(feature = "mongodb")]
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_mongodb_do_the_main_job() {
    if !device::is_available() {
        return;
    }
    let Some(server) = support::mongodb::Server::start() else { return };
    two_processes_do_the_main_job(&server.url("moodify")).await;
}

/// Four services, of two of them two processes, with a database each, behind one address: nobody who comes there
/// notices.
#[cfg(all(feature = "postgres", feature = "rabbitmq"))]
#[tokio::test(flavor = "multi_thread")]
async fn the_services_apart_do_the_main_job() {
    use support::apart::{Addresses, Apart};
    if !device::is_available() {
        return;
    }
    let Some(addresses) = Addresses::choose(2, 2) else { return };
    let Some(postgres) = support::postgres::Postgres::start() else { return };
    let Some(broker) = broker::Broker::start() else { return };
    let place = Place::new();
    let own = |service: &str| postgres.database(&format!("moodify_{service}"));
    place.file("moodify.toml", addresses.settings(&broker.url(), own));
    let apart = Apart::start(&place, addresses);
    main_job(&Folders::new(&place, &apart.front, &apart.front)).await;
    apart.ends_well();
}

#[cfg(any(feature = "mongodb", feature = "postgres"))]
async fn two_processes_do_the_main_job(database: &str) {
    let place = Place::new();
    let public = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    place.file("moodify.toml", format!("database = \"{database}\"\npublic_url = \"http://{public}\"\n"));
    let (one, other) = std::thread::scope(|scope| {
        // At once on an empty database.
        let one = scope.spawn(|| place.serve_at(&public, &["all"]));
        let other = place.serve(&["all"]);
        (one.join().unwrap(), other)
    });
    let folders = Folders::new(&place, &one, &other);
    main_job(&folders).await;

    let mut ada = Person::log_in(&one.url, "ada@example.com").await;
    assert_eq!(ada.get("/v1/playlists?owner=me").await["items"][0]["title"], "Evening");
    ada.url.clone_from(&other.url);
    assert_eq!(ada.get("/v1/me").await["email"], "ada@example.com", "one's token at the other");
    for address in ["ada@example.com", "eve@example.com", "house@example.com"] {
        assert_eq!(folders.mails_to(address).await.len(), 1, "one mail to {address}");
    }
    ends_well(one);
    ends_well(other);
}

fn ends_well(server: Server) {
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_right_after_a_sign_up_loses_nothing_and_sends_one_mail() {
    let place = Place::new();
    for round in 0..5 {
        let server = place.serve(&["all"]);
        Person::listener(&server.url, &format!("round{round}@example.com")).await;
        server.kill();
    }
    let server = place.serve(&["all"]);
    let folders = Folders::new(&place, &server, &server);
    for round in 0..5 {
        let email = format!("round{round}@example.com");
        mail_to(&folders, &email).await;
        let body = json!({"email": email, "password": PASSWORD});
        let url = format!("{}/v1/auth/users/login", server.url);
        let session = Client::new().post(url).json(&body).send().await.unwrap();
        assert_eq!(session.status(), StatusCode::OK);
    }
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    for round in 0..5 {
        assert_eq!(folders.mails_to(&format!("round{round}@example.com")).await.len(), 1);
    }
}
