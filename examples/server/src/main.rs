//! `moodify`: the reference deployment. Reads the settings, puts the parts together and runs them.

#![allow(clippy::print_stdout, reason = "commands answer on standard output")]

mod assemble;
mod cli;
mod commands;
mod config;
mod database;
mod failure;
mod health;
mod lock;
mod logging;
mod media;
mod no_uploads;
mod shutdown;
mod sync;
#[cfg(feature = "otel")]
mod telemetry;
mod templates;

use std::{env, process::ExitCode};

use clap::Parser;
use moodify_adapters::probe::child;

use cli::{Cli, Command, Keys, Purpose};
use commands::healthcheck::Question;
use failure::Failure;

fn main() -> ExitCode {
    // First thing of all: the child that looks at uploads wants its memory for the parsers.
    let mut args = env::args_os().skip(1);
    if args.next().is_some_and(|first| first == child::ARGUMENT) {
        return child::main(args);
    }
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve { role, flags } => commands::serve::run(role, &flags.load()?),
        Command::Migrate { role, flags } => commands::migrate::run(role, &flags.load()?),
        Command::Import { import, flags } => commands::import::run(&import, &flags.load()?),
        #[cfg(feature = "mongodb")]
        Command::ImportMongo { import, flags } => commands::import_mongo::run(&import, &flags.load()?),
        Command::Openapi => commands::openapi::run(),
        Command::Doctor { role, flags } => commands::doctor::run(role, flags.load()?),
        Command::DeadLetters { action } => action.run(),
        Command::Mail { action } => action.run(),
        Command::Keys { action: Keys::List { flags } } => commands::keys::list(&flags.load()?),
        Command::Keys { action: Keys::Rotate { purpose, flags } } => {
            commands::keys::rotate(&flags.load()?, Purpose::keys(purpose))
        }
        Command::Healthcheck { url, live, flags } => {
            let question = if live { Question::Live } else { Question::Ready };
            commands::healthcheck::run(url.as_deref(), question, &flags.load()?)
        }
    }
}
