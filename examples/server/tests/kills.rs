//! A server that is killed again and again, as by power cuts, while people sign up.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use moodify_adapters::sql::{SqlStore, SqliteConfig};
use moodify_core::{
    model::Timestamp,
    port::{Outbox, Queue},
    service::delivery::CONSUMERS,
};
use serde_json::{Value, json};
use support::{
    Place, Server,
    http::{post, try_post},
};

const CLIENTS: usize = 4;
const KILLS: usize = 20;
/// How many mails a process hands over at once: so many may be on their way when it dies.
const AT_ONCE: usize = 8;

/// `KILLS_SIGN_UPS=1000` tries as many as the promise names; each costs a password hash, so that is a
/// matter of minutes.
fn sign_ups() -> usize {
    std::env::var("KILLS_SIGN_UPS").map_or(200, |number| number.parse().unwrap())
}

#[test]
fn kills_at_random_points_lose_no_account_and_no_mail() {
    let sign_ups = sign_ups();
    let place = Place::new();
    let (server, mut logs) = sign_ups_among_kills(&place, sign_ups);

    let expected: BTreeSet<String> = (0..sign_ups).map(email).collect();
    wait_for(|| mails(&place).len() >= sign_ups);
    for n in (0..sign_ups).step_by(7) {
        let again = post(&server.url, "/v1/auth/users/signup", &person(n));
        assert_eq!(again.status, 409, "the account of {} exists: {again:?}", email(n));
    }
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    logs.push(log);

    let mails = mails(&place);
    assert_eq!(mails.len(), sign_ups, "one mail each");
    assert_eq!(mails.into_iter().collect::<BTreeSet<_>>(), expected);
    assert_nothing_is_open(&place);
    // A mail that was handed over when its sender died is handed over again, under the same id: the
    // mailer keeps one. Nothing else is ever sent twice.
    let again: usize = logs.iter().map(|log| log.matches("handed over before").count()).sum();
    println!("{sign_ups} sign-ups, {KILLS} kills: {again} mails were handed over a second time");
    assert!(again <= KILLS * AT_ONCE, "{again}");
}

/// Everybody tries until there is an answer; the server dies while they do.
fn sign_ups_among_kills(place: &Place, sign_ups: usize) -> (Server, Vec<String>) {
    let mut server = place.serve(&["all"]);
    let mut logs = Vec::new();
    let url = Mutex::new(server.url.clone());
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (url, answered) = (&url, &answered);
            scope.spawn(move || {
                for n in (client..sign_ups).step_by(CLIENTS) {
                    sign_up(url, n);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for kill in 0..KILLS {
            wait_for(|| answered.load(Ordering::Relaxed) > kill * sign_ups / KILLS);
            // Whatever it is doing by then.
            thread::sleep(Duration::from_millis(7 * u64::try_from(kill).unwrap()));
            logs.push(server.kill());
            server = place.serve(&["all"]);
            url.lock().unwrap().clone_from(&server.url);
        }
        (server, logs)
    })
}

fn sign_up(url: &Mutex<String>, n: usize) {
    let mut broken = false;
    loop {
        let url = url.lock().unwrap().clone();
        match try_post(&url, "/v1/auth/users/signup", &person(n)) {
            Ok(answer) if answer.status == 201 => return,
            // The account was stored, and its answer lost with the server.
            Ok(answer) if answer.status == 409 && broken => return,
            Ok(answer) => panic!("{n}: {answer:?}"),
            Err(_) => {
                broken = true;
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

fn email(n: usize) -> String {
    format!("listener{n}@example.org")
}

fn person(n: usize) -> Value {
    json!({ "email": email(n), "password": "low water at the pier", "first_name": "Ada", "last_name": "Tide" })
}

/// To whom welcome mails went.
fn mails(place: &Place) -> Vec<String> {
    let files = fs::read_dir(place.path().join("data/mail")).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.to_string_lossy().ends_with(".welcome.eml"));
    let recipient = |text: String| {
        let to = text.lines().find(|line| line.starts_with("To:")).unwrap();
        to.split(['<', '>']).nth(1).unwrap().to_owned()
    };
    files.map(|path| recipient(fs::read_to_string(path).unwrap())).collect()
}

/// No event waits to be published, and no delivery to be handled, now or ever.
#[tokio::main]
async fn assert_nothing_is_open(place: &Place) {
    let config = SqliteConfig::new(place.path().join("data/moodify.db"));
    let store = SqlStore::connect(&config.into()).await.unwrap();
    let end_of_time = Timestamp::MAX;
    assert_eq!(store.lease(1, end_of_time, Duration::ZERO).await.unwrap(), []);
    for consumer in CONSUMERS {
        assert_eq!(store.queue().receive(consumer, 1, end_of_time, Duration::ZERO).await.unwrap(), []);
        assert_eq!(store.queue().dead_letters(consumer, 1).await.unwrap(), []);
    }
}

fn wait_for(done: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it takes too long");
}
