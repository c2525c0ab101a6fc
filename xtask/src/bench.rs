//! `cargo xtask bench`: release builds of the server and the load harness, servers of its own, then the loads.

use anyhow::{Context, Result, ensure};

use crate::{
    servers::{self, Place, Process, RabbitMq, Redis},
    shell,
};

/// Programs that stores are, and how to come by them.
const STORES: [(&str, &str); 2] = [
    ("secantusd-py", "pip install --pre secantusdb==0.7.0b3"),
    ("s3s-fs", "cargo install s3s-fs --version 0.14.1 --features binary --locked"),
];

/// Builds everything, and hands the options on to the harness.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let build = ["build", "--release", "--package"];
    let server = built(&build, "moodify-server", "moodify")?;
    let harness = built(&build, "moodify-bench", "moodify-bench")?;
    let peer = shell::root().join("bench").join("peer-node");
    let says = |word: &str| args.iter().any(|arg| arg == word);
    let asks = says("--help") || says("-h");
    let has_peer = !(says("--without-peer") || asks);
    let needs_servers = has_peer || (!asks && (says("servers") || says("--on=servers")));
    let path = servers::path()?;
    if needs_servers {
        for (program, advice) in STORES {
            let found = shell::succeeds(shell::program(program, &["--help"]).env("PATH", &path));
            ensure!(
                found,
                "the loads need `{program}`: {advice}, or run with --without-peer on embedded stores"
            );
        }
    }
    if has_peer {
        let node = shell::succeeds(&mut shell::program("node", &["--version"]));
        ensure!(node, "the peer needs Node: install Node 20 or newer, or run with --without-peer");
        shell::run(shell::program("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(&peer))
            .context("the peer's packages could not be installed")?;
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut harness = shell::program(harness, &args);
    harness.arg("--server").arg(server).arg("--peer").arg(peer);
    if needs_servers { run_with_servers(harness.env("PATH", &path)) } else { shell::run(&mut harness) }
}

/// With a broker and a Redis for this run alone, whose data go with it. The harness starts the other stores, anew
/// for each group of loads.
fn run_with_servers(harness: &mut std::process::Command) -> Result<()> {
    let place = Place::temporary("bench")?;
    let mut running: Vec<Process> = Vec::new();
    if std::env::var_os("AMQP_URL").is_none() {
        println!("starting RabbitMQ");
        let broker = RabbitMq::start(&place.folder("RabbitMQ")?)?;
        harness.env("AMQP_URL", broker.url());
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

fn built(build: &[&str], package: &str, program: &str) -> Result<std::path::PathBuf> {
    shell::built_program(&mut shell::cargo(&[build, &[package]].concat()), program)
}
