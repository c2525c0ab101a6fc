//! `moodify doctor` on deployments that are wrong in one way or in all: what is told of each part. What each real server
//! refuses, and how its part then reads, is beside the tests of that part (`postgres.rs`, `rabbitmq.rs` and so on).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod alone;
#[cfg(feature = "rabbitmq")]
#[path = "../../../../crates/moodify-adapters/tests/shared/broker.rs"]
mod broker;
#[cfg(feature = "s3")]
mod bucket;
#[cfg(all(feature = "azure", feature = "gcs"))]
mod cloud;
#[cfg(all(feature = "azure", feature = "gcs"))]
#[path = "../js/cloud_store.rs"]
mod cloud_store;
mod keys;
#[cfg(feature = "smtp")]
mod mail;
#[cfg(feature = "mongodb")]
mod mongo;
#[cfg(feature = "rabbitmq")]
mod queue;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
#[path = "../../../../crates/moodify-adapters/tests/shared/redis.rs"]
mod redis_server;
#[cfg(feature = "s3")]
#[path = "../support/s3_server.rs"]
mod s3_server;
#[cfg(all(
    feature = "google",
    feature = "mongodb",
    feature = "postgres",
    feature = "rabbitmq",
    feature = "s3",
    feature = "smtp"
))]
mod silent;
#[path = "../support/mod.rs"]
mod support;

use std::net::TcpListener;

use support::{Ended, Place};

/// What every URL here has as its password, and every other secret as its value: nobody may be told of it.
const SECRET: &str = "hunter2";

/// What the doctor found.
struct Told {
    ended: Ended,
    rows: Vec<Row>,
}

/// A line of the table, and what it says is to be done.
struct Row {
    part: String,
    state: String,
    what: String,
    fix: String,
}

/// An address where nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Asks the doctor about these settings.
fn told(place: &Place, settings: &str) -> Told {
    told_with(place, settings, &[])
}

/// The same in this environment.
fn told_with(place: &Place, settings: &str, variables: &[(&str, &str)]) -> Told {
    place.file("moodify.toml", settings);
    let mut command = place.command(&["doctor", "--listen", "127.0.0.1:0"]);
    let is_of_a_store = |name: &str| ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|of| name.starts_with(of));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_a_store(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command.env("HOME", place.path()).env("AWS_EC2_METADATA_DISABLED", "true");
    let ended = Ended::from(command.envs(variables.iter().copied()).output().unwrap());
    let shown = format!("{ended:?}");
    assert!(!shown.contains(SECRET), "a secret is told: {shown}");
    assert!(!shown.contains("panicked"), "{shown}");
    let mut rows: Vec<Row> = Vec::new();
    for line in ended.stdout.lines() {
        if let Some((_, fix)) = line.split_once("-> ").filter(|(before, _)| before.trim().is_empty()) {
            fix.clone_into(&mut rows.last_mut().unwrap().fix);
            continue;
        }
        let (part, rest) = line.split_once(' ').unwrap();
        let (state, what) = rest.trim_start().split_once(' ').unwrap();
        let [part, state, what] = [part, state, what.trim_start()].map(str::to_owned);
        rows.push(Row { part, state, what, fix: String::new() });
    }
    Told { ended, rows }
}

impl Told {
    /// The only row of this part.
    fn row(&self, part: &str) -> &Row {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| row.part == part).collect();
        let &[row] = rows.as_slice() else { panic!("{} rows of {part}: {:?}", rows.len(), self.ended) };
        row
    }

    /// Holds a part that does not work to the house's form; and what can be tried beside it was tried.
    fn assert_failed(&self, part: &str, what: &str, fix: &str) {
        self.assert_row(part, "FAIL", what, fix);
        assert_eq!(self.ended.code, Some(1), "{:?}", self.ended);
        for other in ["data", "clock", "uploads", "listen", "public_url"] {
            assert!(other == part || self.row(other).state != "-", "{other}: {:?}", self.ended);
        }
    }

    fn assert_row(&self, part: &str, state: &str, what: &str, fix: &str) {
        let row = self.row(part);
        assert_eq!(row.state, state, "{part}: {:?}", self.ended);
        assert!(row.what.contains(what), "{part}: {what:?} not in {:?}", row.what);
        assert!(row.fix.contains(fix), "{part}: {fix:?} not in {:?}", row.fix);
        assert_eq!(row.fix.is_empty(), matches!(state, "ok" | "-"), "{part}: {:?}", row.fix);
    }
}
