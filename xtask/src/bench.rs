//! `cargo xtask bench`: release builds of the server and the load harness, servers of its own, then the loads.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{
    node,
    servers::{self, Place, Process, RabbitMq, Redis},
    shell,
};

/// Names a broker that is there already.
const BROKER: &str = "AMQP_URL";

/// Builds everything, and hands the options on to the harness.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let peer = shell::root().join("bench").join("peer-node");
    let says = |word: &str| args.iter().any(|arg| arg == word);
    let asks = says("--help") || says("-h");
    let has_peer = !(says("--without-peer") || asks);
    let needs_servers = has_peer || (!asks && (says("servers") || says("--on=servers")));
    // First of all: a release build takes minutes.
    if needs_servers {
        servers::demand_for_loads(env::var_os(BROKER).is_none())?;
    }
    if has_peer {
        node::demand().context("the peer runs on Node, and --without-peer does without")?;
        shell::run(shell::program("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(&peer))
            .context("the peer's packages could not be installed")?;
    }
    let build = ["build", "--release", "--package"];
    let server = built(&build, "moodify-server", "moodify")?;
    let harness = built(&build, "moodify-bench", "moodify-bench")?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut harness = shell::program(harness, &args);
    harness.arg("--server").arg(server).arg("--peer").arg(peer);
    if needs_servers {
        run_with_servers(harness.env("PATH", servers::path()?))
    } else {
        shell::run(&mut harness)
    }
}

/// With a broker and a Redis for this run alone, whose data go with it. The harness starts the other stores, anew
/// for each group of loads.
fn run_with_servers(harness: &mut Command) -> Result<()> {
    let place = Place::temporary("bench")?;
    let mut running: Vec<Process> = Vec::new();
    if env::var_os(BROKER).is_none() {
        println!("starting RabbitMQ");
        let broker = RabbitMq::start(&place.folder("RabbitMQ")?)?;
        harness.env(BROKER, broker.url());
        running.push(broker.process);
    }
    println!("starting Redis");
    let redis = Redis::start(&place.folder("Redis")?)?;
    harness.env("REDIS_URL", redis.url());
    running.push(redis.process);
    let outcome = shell::run(harness);
    running.into_iter().for_each(Process::end);
    outcome
}

fn built(build: &[&str], package: &str, program: &str) -> Result<PathBuf> {
    shell::built_program(&mut shell::cargo(&[build, &[package]].concat()), program)
}
