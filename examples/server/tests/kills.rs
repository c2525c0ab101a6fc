//! Servers that are killed again and again, as by power cuts, while people sign up.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[cfg(all(feature = "rabbitmq", any(feature = "postgres", feature = "mongodb")))]
#[path = "../../../crates/moodify-adapters/tests/shared/broker.rs"]
mod broker;
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

use moodify_adapters::sql::{SqlConfig, SqlStore, SqliteConfig};
use moodify_core::{
    model::Timestamp,
    port::{Outbox, Queue},
    service::delivery::CONSUMERS,
};
use serde_json::{Value, json};
use support::{
    Place, Server,
    http::{post, try_post},
    wait_for,
};

const CLIENTS: usize = 4;
/// How many mails a process hands over at once: so many may be on their way when it dies.
const AT_ONCE: usize = 8;
/// What happens after each kill where what the dead one had begun is in others' way for a while: they are told to come
/// again until then. Elsewhere nobody is.
type AfterKill<'a> = Option<&'a dyn Fn()>;

/// `KILLS_SIGN_UPS=1000` tries as many as the promise names; each costs a password hash, so that is a
/// matter of minutes.
fn sign_ups() -> Option<usize> {
    std::env::var("KILLS_SIGN_UPS").ok().map(|number| number.parse().unwrap())
}

#[test]
fn kills_at_random_points_lose_no_account_and_no_mail() {
    let place = Place::new();
    let (mut servers, trial) = sign_ups_among_kills(&place, 1, sign_ups().unwrap_or(200), 20, None);
    let config: SqlConfig = SqliteConfig::new(place.path().join("data/moodify.db")).into();
    assert_whole(&place, servers.pop().unwrap(), trial, || assert_nothing_is_open(&config));
}

/// One goes on while the other is dead; at last both of them die at once.
#[cfg(feature = "postgres")]
#[test]
fn kills_of_one_of_two_servers_lose_no_account_and_no_mail() {
    use moodify_adapters::sql::PostgresConfig;

    let Some(postgres) = support::postgres::Postgres::start() else { return };
    let url = postgres.database("moodify");
    let place = Place::new();
    let toml = format!("database = \"{url}\"\npublic_url = \"http://music.example.org\"\n");
    place.file("moodify.toml", toml);
    let (servers, mut trial) = sign_ups_among_kills(&place, 2, sign_ups().unwrap_or(80), 8, None);
    trial.kills += servers.len();
    trial.logs.extend(servers.into_iter().map(Server::kill));
    let config = PostgresConfig::new(url).into();
    let_leases_run_out(&config);
    let server = place.serve(&["all"]);
    assert_whole(&place, server, trial, || assert_nothing_is_open(&config));
}

/// The same with RabbitMQ between them: what a dead one had in its hands, the broker gives to the other.
#[cfg(all(feature = "rabbitmq", feature = "postgres"))]
#[test]
fn kills_lose_nothing_on_postgresql_and_rabbitmq() {
    use moodify_adapters::sql::PostgresConfig;

    let Some(postgres) = support::postgres::Postgres::start() else { return };
    let url = postgres.database("moodify");
    let config: SqlConfig = PostgresConfig::new(url.clone()).into();
    let leases = || let_leases_run_out(&config);
    kills_around_a_broker(&url, None, leases, || assert_nothing_is_open(&config));
}

/// The same on MongoDB, where a step that a dead process had begun holds others up for a while: whoever tries again
/// gets through. The server forgets it by itself after a minute, which is too long for so many kills: here it is told to.
#[cfg(all(feature = "rabbitmq", feature = "mongodb"))]
#[test]
fn kills_lose_nothing_on_mongodb_and_rabbitmq() {
    let Some(database) = support::mongodb::Server::start() else { return };
    let url = database.url("moodify");
    let leases = || on_mongodb::let_leases_run_out(&url);
    let after_kill = || on_mongodb::forget_unfinished_steps(&url);
    kills_around_a_broker(&url, Some(&after_kill), leases, || on_mongodb::assert_nothing_is_open(&url));
}

/// `KILLS_EVENTS=10000` tries as many as the promise names, with 20 kills; each sign-up is two events, and costs a
/// password hash.
#[cfg(all(feature = "rabbitmq", any(feature = "postgres", feature = "mongodb")))]
fn kills_around_a_broker(
    url: &str,
    after_kill: AfterKill<'_>,
    let_leases_run_out: impl Fn(),
    assert_nothing_is_open: impl Fn(),
) {
    let Some(broker) = broker::Broker::start() else { return };
    let events = std::env::var("KILLS_EVENTS").ok().map(|number| number.parse::<usize>().unwrap());
    let (sign_ups, kills) = events.map_or((80, 8), |events| (events / 2, 20));
    let place = Place::new();
    let settings = format!("database = \"{url}\"\nqueue = \"{}\"\n", broker.url());
    place.file("moodify.toml", settings + "public_url = \"http://music.example.org\"\n");
    let (servers, mut trial) = sign_ups_among_kills(&place, 2, sign_ups, kills, after_kill);
    trial.kills += servers.len();
    trial.logs.extend(servers.into_iter().map(Server::kill));
    if let Some(after_kill) = after_kill {
        after_kill();
    }
    let_leases_run_out();
    let server = place.serve(&["all"]);
    // What met a dead one's claim on its mail waits for the end of that, which is a minute.
    let is_done = || {
        let left = broker.control(&["list_queues", "--quiet", "--no-table-headers", "name", "messages"]);
        mails(&place).len() >= sign_ups && left.lines().all(|line| line.ends_with("\t0"))
    };
    let done = (0..180).any(|_| {
        thread::sleep(Duration::from_secs(1));
        is_done()
    });
    assert!(done, "{} of {sign_ups} mails came", mails(&place).len());
    assert_whole(&place, server, trial, assert_nothing_is_open);
}

/// What was tried so far.
struct Trial {
    sign_ups: usize,
    kills: usize,
    logs: Vec<String>,
}

/// Everybody tries until there is an answer; the servers die in turn while they do, and are started again.
fn sign_ups_among_kills(
    place: &Place,
    servers: usize,
    sign_ups: usize,
    kills: usize,
    after_kill: AfterKill<'_>,
) -> (Vec<Server>, Trial) {
    let may_be_busy = after_kill.is_some();
    let mut servers: Vec<Server> = (0..servers).map(|_| place.serve(&["all"])).collect();
    let mut logs = Vec::new();
    let urls: Vec<Mutex<String>> = servers.iter().map(|server| Mutex::new(server.url.clone())).collect();
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (urls, answered) = (&urls, &answered);
            scope.spawn(move || {
                for n in (client..sign_ups).step_by(CLIENTS) {
                    sign_up(urls, n, may_be_busy);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for kill in 0..kills {
            wait_for("the next kill", || answered.load(Ordering::Relaxed) > kill * sign_ups / kills);
            // Whatever it is doing by then.
            thread::sleep(Duration::from_millis(7 * u64::try_from(kill).unwrap()));
            let victim = kill % servers.len();
            logs.push(servers.remove(victim).kill());
            if let Some(after_kill) = after_kill {
                after_kill();
            }
            servers.insert(victim, place.serve(&["all"]));
            urls[victim].lock().unwrap().clone_from(&servers[victim].url);
        }
    });
    (servers, Trial { sign_ups, kills, logs })
}

/// Asks one server after the other.
fn sign_up(urls: &[Mutex<String>], n: usize, may_be_busy: bool) {
    for attempt in 0.. {
        let url = urls[(n / CLIENTS + attempt) % urls.len()].lock().unwrap().clone();
        match try_post(&url, "/v1/auth/users/signup", &person(n)) {
            Ok(answer) if answer.status == 201 => return,
            // The account was stored, and its answer lost with the server.
            Ok(answer) if answer.status == 409 && attempt > 0 => return,
            Ok(answer) if answer.status == 503 && may_be_busy => thread::sleep(Duration::from_millis(100)),
            Ok(answer) => panic!("{n}: {answer:?}"),
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Holds what is left to the promise: every account is there, with one mail each, and nothing is open.
fn assert_whole(place: &Place, server: Server, mut trial: Trial, assert_nothing_is_open: impl Fn()) {
    let Trial { sign_ups, kills, .. } = trial;
    let expected: BTreeSet<String> = (0..sign_ups).map(email).collect();
    wait_for("a mail for each", || mails(place).len() >= sign_ups);
    for n in (0..sign_ups).step_by(7) {
        let again = post(&server.url, "/v1/auth/users/signup", &person(n));
        assert_eq!(again.status, 409, "the account of {} exists: {again:?}", email(n));
    }
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    trial.logs.push(log);

    let mails = mails(place);
    assert_eq!(mails.len(), sign_ups, "one mail each");
    assert_eq!(mails.into_iter().collect::<BTreeSet<_>>(), expected);
    assert_nothing_is_open();
    // A mail that was handed over when its sender died is handed over again, under the same id: the
    // mailer keeps one. Nothing else is ever sent twice.
    let again: usize = trial.logs.iter().map(|log| log.matches("handed over before").count()).sum();
    assert!(again <= kills * AT_ONCE, "{again} of {sign_ups} mails were handed over again, in {kills} kills");
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

/// What the dead had begun is free at once, as if a minute had passed.
#[cfg(feature = "postgres")]
#[tokio::main]
async fn let_leases_run_out(database: &SqlConfig) {
    let store = SqlStore::connect(database).await.unwrap();
    store.reclaim(moodify_core::Services::ALL).await.unwrap();
    store.close().await;
}

/// No event waits to be published, and no delivery to be handled, now or ever.
#[tokio::main]
async fn assert_nothing_is_open(database: &SqlConfig) {
    let store = SqlStore::connect(database).await.unwrap();
    let end_of_time = Timestamp::MAX;
    assert_eq!(store.lease(1, end_of_time, Duration::ZERO).await.unwrap(), []);
    for consumer in CONSUMERS {
        assert_eq!(store.queue().receive(consumer, 1, end_of_time, Duration::ZERO).await.unwrap(), []);
        assert_eq!(store.queue().dead_letters(consumer, 1).await.unwrap(), []);
    }
}

#[cfg(all(feature = "rabbitmq", feature = "mongodb"))]
mod on_mongodb {
    use std::time::Duration;

    use moodify_adapters::mongodb::{MongoConfig, MongoStore};
    use moodify_core::{model::Timestamp, port::Outbox};

    async fn store(url: &str) -> MongoStore {
        MongoStore::connect_beside(&MongoConfig::new(url.to_owned())).await.unwrap()
    }

    #[tokio::main]
    pub(super) async fn forget_unfinished_steps(url: &str) {
        let client = mongodb::Client::with_uri_str(url).await.unwrap();
        let kill = mongodb::bson::doc! { "killAllSessions": [] };
        client.database("admin").run_command(kill).await.unwrap();
        client.shutdown().await;
    }

    /// As for SQL.
    #[tokio::main]
    pub(super) async fn let_leases_run_out(url: &str) {
        let store = store(url).await;
        store.reclaim(moodify_core::Services::ALL).await.unwrap();
        store.close().await;
    }

    /// The same; its queue is the broker.
    #[tokio::main]
    pub(super) async fn assert_nothing_is_open(url: &str) {
        let store = store(url).await;
        assert_eq!(store.lease(1, Timestamp::MAX, Duration::ZERO).await.unwrap(), []);
        store.close().await;
    }
}
