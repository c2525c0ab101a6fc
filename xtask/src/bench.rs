//! `cargo xtask bench`: release builds of the server and the load harness, then the loads.

use anyhow::{Context, Result, ensure};

use crate::shell;

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
    let has_peer = !(says("--without-peer") || says("--help") || says("-h"));
    if has_peer || says("servers") || says("--on=servers") {
        for (program, advice) in STORES {
            let found = shell::succeeds(&mut shell::program(program, &["--help"]));
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
    shell::run(shell::program(harness, &args).arg("--server").arg(server).arg("--peer").arg(peer))
}

fn built(build: &[&str], package: &str, program: &str) -> Result<std::path::PathBuf> {
    shell::built_program(&mut shell::cargo(&[build, &[package]].concat()), program)
}
