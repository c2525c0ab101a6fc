//! What is measured: Moodify, and the peer.

mod moodify;
mod peer;
mod stores;

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::ValueEnum;

use crate::{client::Addresses, process::Process, replay::Replay, wire::Wire};

pub(crate) use moodify::{Catalogue, seed_tracks};

/// Which product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    Moodify,
    Peer,
}

/// What a product runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Setup {
    /// One process with everything in it: SQLite, local files.
    Embedded,
    /// One process a service, and two for sync, on MongoDB, S3, RabbitMQ and Redis.
    Servers,
}

/// A product, and where its programs are.
pub(crate) struct Program {
    pub(crate) product: Product,
    /// Of Moodify in this run. The peer always has its servers.
    pub(crate) setup: Setup,
    /// The server's program, or the folder of the peer's services.
    pub(crate) code: PathBuf,
}

/// A running product.
pub(crate) struct Subject {
    pub(crate) at: Addresses,
    /// Where the second process of the sync service is, if there is one.
    pub(crate) second_sync: Option<String>,
    auth: usize,
    music: usize,
    /// One process or two.
    sync: Range<usize>,
    processes: Vec<Process>,
    tokens: Tokens,
    /// Between the product and its broker, where it has one.
    pub(crate) broker: Option<Wire>,
    /// Between what reads the catalogue and its database, where that is a server.
    pub(crate) replay: Option<Replay>,
    // Held for as long as the product runs.
    _stores: Vec<Process>,
}

/// How a harness comes by many access tokens.
enum Tokens {
    BySignUp,
    Minted { code: PathBuf, secret: String },
}

impl Subject {
    /// Starts a product with all its data in this folder.
    pub(crate) async fn start(program: &Program, folder: &Path) -> Result<Self> {
        match program.product {
            Product::Moodify => match program.setup {
                Setup::Embedded => moodify::start(&program.code, folder).await,
                Setup::Servers => moodify::start_apart(&program.code, folder).await,
            },
            Product::Peer => peer::start(&program.code, folder, program.setup).await,
        }
    }

    /// Access tokens of so many listeners that nobody else is.
    pub(crate) async fn listeners(&self, count: usize) -> Result<Vec<String>> {
        match &self.tokens {
            Tokens::BySignUp => moodify::sign_up(&self.at, count).await,
            Tokens::Minted { code, secret } => peer::mint(code, secret, count).await,
        }
    }

    pub(crate) fn auth(&self) -> [&Process; 1] {
        [&self.processes[self.auth]]
    }

    pub(crate) fn music(&self) -> [&Process; 1] {
        [&self.processes[self.music]]
    }

    pub(crate) fn sync(&self) -> Vec<&Process> {
        self.processes[self.sync.clone()].iter().collect()
    }

    /// Every process of the product; not its stores.
    pub(crate) fn all(&self) -> Vec<&Process> {
        self.processes.iter().collect()
    }

    pub(crate) async fn stop(self) -> Result<()> {
        for process in self.processes {
            process.stop().await?;
        }
        Ok(())
    }
}
