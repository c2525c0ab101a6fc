//! The project's own commands: `cargo xtask up`, `cargo xtask test`, `cargo xtask openapi`,
//! `cargo xtask bench`, `cargo xtask fuzz`.

#![allow(clippy::print_stdout, reason = "these commands talk to the person at the terminal")]

mod bench;
mod fuzz;
mod openapi;
mod shell;
mod test;
mod up;

use std::{process::ExitCode, time::Duration};

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
    /// Run every check and every test.
    Test,
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

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Up { args } => up::run(&args),
        Command::Test => test::run(),
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
