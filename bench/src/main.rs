//! The load harness: `cargo xtask bench` builds everything and starts it.
//!
//! Moodify and its peer get the same loads, one after the other, in the same run on the same
//! machine. A figure is processor time of the measured processes, memory of them, or latency as a
//! client sees it; absolute values say little on another machine, ratios more.

#![allow(clippy::print_stdout, reason = "this program talks to the person at the terminal")]
#![allow(clippy::disallowed_methods, reason = "it measures real time")]

mod client;
mod figures;
mod load;
mod machine;
mod plot;
mod process;
mod replay;
mod report;
mod socket;
mod subject;
mod suite;
mod wire;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use figures::Figures;
use machine::Machine;
use subject::{Product, Program, Setup};
use suite::Suite;

/// Measures Moodify and the peer it is compared with.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench", disable_version_flag = true)]
struct Cli {
    /// A tenth of every load: shows that all of it works, not how fast.
    #[arg(long)]
    quick: bool,
    /// Leave the peer out: needs neither Node nor its stores.
    #[arg(long)]
    without_peer: bool,
    /// What Moodify runs on. The peer always has its servers.
    #[arg(long, value_enum, default_value_t = Setup::Embedded)]
    on: Setup,
    /// Only these loads.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// The server's program, built for release.
    #[arg(long, hide = true)]
    server: PathBuf,
    /// The folder of the peer's services.
    #[arg(long, hide = true)]
    peer: PathBuf,
    /// Where the figures go.
    #[arg(long, default_value = "bench/results")]
    out: PathBuf,
}

/// A group of loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Lists and playlists.
    Reading,
    /// Sign-up, log-in, flood.
    Accounts,
    /// Uploads.
    Uploads,
    /// 100,000 tracks against 1,000; Moodify alone.
    Catalogue,
    /// Sockets and commands.
    Sockets,
    /// A broker that goes away, and 10,000 events; Moodify on servers alone.
    Delivery,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let parts = if cli.only.is_empty() { Part::value_variants().to_vec() } else { cli.only };
    let mut figures = Figures::new(Machine::look()?);
    let mut programs = vec![Program { product: Product::Moodify, setup: cli.on, code: cli.server }];
    if !cli.without_peer {
        programs.push(Program { product: Product::Peer, setup: cli.on, code: cli.peer });
    }
    for program in &programs {
        Suite { program, parts: &parts, quick: cli.quick, figures: &mut figures }.run().await?;
    }
    let name = if cli.on == Setup::Embedded { "latest" } else { "servers" };
    println!("\n{}", report::write(&figures, &cli.out, name)?);
    println!("Written to {}.", cli.out.display());
    Ok(())
}
