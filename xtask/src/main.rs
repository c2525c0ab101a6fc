//! The project's own commands: `cargo xtask up`, `cargo xtask test`, `cargo xtask openapi`,
//! `cargo xtask services`, `cargo xtask with-servers`, `cargo xtask bench`, `cargo xtask fuzz`.

#![allow(clippy::print_stdout, reason = "these commands talk to the person at the terminal")]

mod bench;
mod descendants;
mod fuzz;
mod node;
mod openapi;
mod servers;
mod services;
mod shell;
mod test;
mod up;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build and run the whole platform on embedded defaults; Ctrl-C stops it.
    Up {
        /// Handed on to `moodify serve`, for instance `--listen 127.0.0.1:9000 --data /tmp/moodify`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the four services apart, on real servers behind nginx, without Docker; Ctrl-C stops it.
    Services {
        /// Install what is missing from packages first: Debian's (as root, or by sudo), PyPI's, crates.io's.
        #[arg(long)]
        install: bool,
        /// Where everything is kept.
        #[arg(long, default_value = "data/services")]
        data: PathBuf,
        /// Where clients go.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// MongoDB (SecantusDB stands for it) instead of PostgreSQL.
        #[arg(long)]
        mongodb: bool,
        /// A built `moodify`, in place of building it.
        #[arg(long)]
        program: Option<PathBuf>,
    },
    /// Run a command that finds every server that tests use: those of this machine, or others for as long as it runs.
    WithServers {
        /// Install what is missing from packages first.
        #[arg(long)]
        install: bool,
        /// The command, such as `cargo test -p moodify-server --test apart`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<String>,
    },
    /// Run every check and every test, on real servers: those of this machine, or others for as long as it runs.
    Test {
        /// Install what is missing from packages first; without it the tests of what is missing are skipped, aloud.
        #[arg(long)]
        install: bool,
    },
    /// Write openapi/moodify.json anew from the handlers.
    Openapi,
    /// Throw generated input at what strangers send, until something breaks or the time is over.
    Fuzz {
        /// What to fuzz: upload, tags, cursors or socket. Without it, each in turn.
        target: Option<String>,
        /// How long, in seconds, each.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// From the seeds alone and with the same dice every time: what fails once fails again.
        #[arg(long)]
        alike: bool,
    },
    /// Measure Moodify and its peer under the same loads (release build).
    Bench {
        /// Handed on to the harness: `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn with_servers(install: bool, command: &[String]) -> anyhow::Result<()> {
    if install {
        servers::install()?;
    }
    servers::run_with(command)
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Up { args } => up::run(&args),
        Command::Services { install, data, listen, mongodb, program } => {
            services::run(&services::Options { install, data, listen, mongodb, program })
        }
        Command::WithServers { install, command } => with_servers(install, &command),
        Command::Test { install } => test::run(install),
        Command::Openapi => openapi::write(),
        Command::Fuzz { target, seconds, alike } => {
            fuzz::run(target.as_deref(), Duration::from_secs(seconds), alike)
        }
        Command::Bench { args } => bench::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
