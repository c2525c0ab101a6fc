//! The ways to deploy it that the rows are tried on.

use std::{collections::BTreeMap, sync::Arc, thread, time::Duration};

use moodify_adapters::{
    mongodb::{MongoConfig, MongoStore},
    rabbitmq::{RabbitConfig, RabbitQueue},
    sql::{PostgresConfig, SqlConfig, SqlStore, SqliteConfig},
};
use moodify_core::{
    Services,
    memory::SystemClock,
    port::{Depth, Outbox, Queue},
};
use serde_json::json;

use crate::{
    broker::Broker,
    mail_server::MailServer,
    support::{Place, Server, http::post, mongodb, postgres::Postgres},
};

/// Who sends the mails.
const CONSUMER: &str = "notification";
const CLIENTS: usize = 4;
/// A welcome, and the proof of the mailbox.
pub(crate) const MAILS_EACH: usize = 2;
/// Longer than two retries, and Erlang starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the program keeps its data in.
pub(crate) enum Database {
    Sqlite,
    Postgres(Postgres),
    Mongodb(mongodb::Server),
}

/// A deployment, and what it needs; nothing of the program runs yet.
pub(crate) struct Stack {
    pub(crate) place: Place,
    pub(crate) database: Database,
    /// None where the queue is in the database.
    broker: Option<Broker>,
    pub(crate) mailbox: MailServer,
}

/// Does this with the store, and lets go of it.
macro_rules! with_store {
    ($stack:ident, |$store:ident| $work:expr) => {
        match &$stack.database {
            Database::Mongodb(server) => {
                let config = MongoConfig::new(server.url("moodify"));
                // In a box: drivers' futures are large.
                let $store = Box::pin(MongoStore::connect_beside(&config)).await.unwrap();
                let done = $work.await.unwrap();
                $store.close().await;
                done
            }
            Database::Sqlite | Database::Postgres(_) => {
                let config = $stack.sql();
                let $store = Box::pin(SqlStore::connect_beside(&config)).await.unwrap();
                let done = $work.await.unwrap();
                $store.close().await;
                done
            }
        }
    };
}

impl Stack {
    /// SQLite, with its own queue. `None`, said aloud, where something is missing: as for the others.
    pub(crate) async fn on_sqlite() -> Option<Self> {
        Self::new(Database::Sqlite, None).await
    }

    /// PostgreSQL and RabbitMQ.
    pub(crate) async fn on_postgresql() -> Option<Self> {
        let postgres = Postgres::start()?;
        postgres.database("moodify");
        Self::new(Database::Postgres(postgres), Some(Broker::start()?)).await
    }

    /// MongoDB and RabbitMQ.
    pub(crate) async fn on_mongodb() -> Option<Self> {
        let mongodb = mongodb::Server::start()?;
        Self::new(Database::Mongodb(mongodb), Some(Broker::start()?)).await
    }

    async fn new(database: Database, broker: Option<Broker>) -> Option<Self> {
        let mailbox = MailServer::start().await?;
        let stack = Self { place: Place::new(), database, broker, mailbox };
        stack.place.file("moodify.toml", stack.settings());
        Some(stack)
    }

    fn settings(&self) -> String {
        let database = match &self.database {
            Database::Sqlite => String::new(),
            Database::Postgres(_) => format!("database = \"{}\"\n", self.postgres_url()),
            Database::Mongodb(server) => format!("database = \"{}\"\n", server.url("moodify")),
        };
        let queue = self.broker.as_ref().map(|broker| format!("queue = \"{}\"\n", broker.url()));
        let mailer = format!("mailer = \"smtp://127.0.0.1:{}?tls=off\"\n", self.mailbox.ports.plain);
        let public_url = "public_url = \"http://music.example.org\"\n";
        format!("{public_url}{database}{}{mailer}[smtp]\ntimeout_secs = 2\n", queue.unwrap_or_default())
    }

    fn postgres_url(&self) -> String {
        let Database::Postgres(postgres) = &self.database else { panic!("it is no PostgreSQL") };
        postgres.url("postgres", crate::support::postgres::PASSWORD, "moodify")
    }

    fn sql(&self) -> SqlConfig {
        match &self.database {
            Database::Postgres(_) => PostgresConfig::new(self.postgres_url()).into(),
            _ => SqliteConfig::new(self.place.path().join("data/moodify.db")).into(),
        }
    }

    pub(crate) fn broker(&self) -> &Broker {
        self.broker.as_ref().expect("a broker")
    }

    pub(crate) fn serve(&self, service: &str) -> Server {
        self.place.serve(&[service])
    }

    /// How often each mailbox was welcomed.
    pub(crate) async fn welcomed(&self) -> BTreeMap<String, usize> {
        let mut welcomed = BTreeMap::new();
        for mail in self.mailbox.seen().await.mails {
            if mail.raw.contains(".welcome@") {
                *welcomed.entry(mail.to[0].clone()).or_default() += 1;
            }
        }
        welcomed
    }

    pub(crate) async fn are_welcomed(&self, names: &[String]) {
        until("everybody is welcomed", async || {
            let welcomed = self.welcomed().await;
            names.iter().all(|name| welcomed.contains_key(&address(name)))
        })
        .await;
    }

    /// All that only so many can have got.
    pub(crate) async fn all_mails_have_come(&self, names: &[String]) {
        let count = names.len() * MAILS_EACH;
        until("every mail has come", async || self.mailbox.seen().await.mails.len() >= count).await;
    }

    /// How many events wait to be published.
    pub(crate) async fn backlog(&self) -> u64 {
        with_store!(self, |store| store.backlog()).count
    }

    /// How many events wait for the mails, and how many are given up.
    async fn depth(&self) -> Depth {
        let Some(broker) = &self.broker else {
            let store = Box::pin(SqlStore::connect_beside(&self.sql())).await.unwrap();
            let depth = store.queue().depth(CONSUMER).await.unwrap();
            store.close().await;
            return depth;
        };
        let config = RabbitConfig::from_url(&broker.url().into()).unwrap();
        let queue = Box::pin(RabbitQueue::connect(config, Arc::new(SystemClock))).await.unwrap();
        let depth = queue.depth(CONSUMER).await.unwrap();
        queue.close().await;
        depth
    }

    /// What the dead had begun is free, as if a minute had passed.
    pub(crate) async fn let_leases_run_out(&self) {
        with_store!(self, |store| store.reclaim(Services::ALL));
    }

    /// Waits until everything is published and handled, ends the processes in good order, and holds what came to
    /// the promise: so many of these were welcomed, each once, and nothing is left. Returns what was logged.
    pub(crate) async fn ends_well(&self, servers: Vec<Server>, names: &[String], dead: u64) -> String {
        self.are_welcomed(names).await;
        self.all_mails_have_come(names).await;
        until("nothing waits", async || {
            let depth = self.depth().await;
            self.backlog().await == 0 && (depth.waiting, depth.dead) == (0, dead)
        })
        .await;
        // What is just being handled, they finish.
        let mut logs = String::new();
        servers.iter().for_each(Server::terminate);
        for server in servers {
            let (code, log) = server.ended();
            assert_eq!(code, Some(0), "{log}");
            logs.push_str(&log);
        }
        let once: BTreeMap<String, usize> = names.iter().map(|name| (address(name), 1)).collect();
        assert_eq!(self.welcomed().await, once);
        let left = self.depth().await;
        assert_eq!((left.waiting, left.dead), (0, dead));
        logs
    }
}

/// Whoever signs up hears that it is done, whatever else is going on.
pub(crate) fn sign_up(server: &Server, name: &str) {
    let person = json!({ "email": address(name), "password": "low water at the pier",
        "first_name": "Ada", "last_name": "Tide" });
    let answer = post(&server.url, "/v1/auth/users/signup", &person);
    assert_eq!(answer.status, 201, "{name}: {answer:?}");
}

/// The same for many, some at once.
pub(crate) fn sign_up_all(server: &Server, names: &[String]) {
    thread::scope(|scope| {
        for portion in names.chunks(names.len().div_ceil(CLIENTS)) {
            scope.spawn(move || portion.iter().for_each(|name| sign_up(server, name)));
        }
    });
}

fn address(name: &str) -> String {
    format!("{name}@example.net")
}

/// So many people of the same kind.
pub(crate) fn people(kind: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{kind}{n}")).collect()
}

/// Asks until it is so.
#[expect(clippy::disallowed_methods, reason = "other processes do it, by their own clocks")]
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "never: {what}");
}
