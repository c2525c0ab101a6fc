//! The project's own commands: `cargo xtask up`, `cargo xtask test`, `cargo xtask openapi`,
//! `cargo xtask bench`.

#![allow(clippy::print_stdout, reason = "these commands talk to the person at the terminal")]

mod bench;
mod openapi;
mod shell;
mod test;
mod up;

use std::process::ExitCode;

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
