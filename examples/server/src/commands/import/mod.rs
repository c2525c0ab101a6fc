//! `moodify import`: brings a music folder in, through the same checks as an upload.
//!
//! It runs beside a server or without one: it holds a lock of its own, leases nothing, and what it
//! publishes waits in the outbox for whoever relays.

mod candidate;
pub(super) mod journal;
pub(super) mod one_file;
pub(super) mod progress;
pub(super) mod report;
mod walk;

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use futures::{
    future,
    stream::{self, StreamExt},
};
use moodify_core::{
    Error, Moodify, Services,
    model::{Caller, Email, TrackId, Visibility},
};

use crate::{
    assemble::{self, Parts, Upgrade},
    commands::runtime,
    config::Settings,
    database::Database,
    failure::{Failure, one_line},
    lock::Locks,
    logging,
};
use journal::Journal;
use one_file::Importer;
use progress::Progress;
use report::{Entry, Report};
use walk::Found;

/// What to bring in.
#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    /// The music folder. Its sub-folders too; hidden files and links are left out.
    folder: PathBuf,
    /// The e-mail of the artist whose tracks these become.
    #[arg(long, value_name = "E-MAIL")]
    artist: String,
    /// Who may find them.
    #[arg(long, value_parser = ["public", "unlisted", "private"], default_value = "public")]
    visibility: String,
    /// Check every file and say what would be done, but import nothing.
    #[arg(long)]
    dry_run: bool,
    /// How many files at once.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
    /// Write the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Imports the folder.
///
/// # Errors
/// If it cannot begin, a part fails on the way, or files that are meant to be MP3s were not imported.
pub(crate) fn run(import: &ImportOptions, settings: &Settings) -> Result<(), Failure> {
    logging::start(&settings.log)?;
    let _lock = Locks::take(&settings.data, &settings.database(Services::MUSIC)?, &["import"])?;
    runtime()?.block_on(import_folder(import, settings))
}

async fn import_folder(import: &ImportOptions, settings: &Settings) -> Result<(), Failure> {
    let found = walk::walk(&import.folder)?;
    let parts = assemble::parts(settings, Services::MUSIC, Upgrade::No).await?;
    let done = Box::pin(into_parts(import, settings, found, &parts)).await;
    parts.queue.close().await;
    parts.database.close().await;
    done
}

async fn into_parts(
    import: &ImportOptions,
    settings: &Settings,
    found: Found,
    parts: &Parts,
) -> Result<(), Failure> {
    let moodify = services(settings, parts)?;
    let people = People::open(settings, &moodify).await?;
    let artist = artist(&people.moodify, &import.artist).await;
    people.close().await;
    let artist = artist?;
    let importer = Importer {
        visibility: Visibility::parse(&import.visibility)
            .map_err(|why| Failure::new(why.to_string(), "correct --visibility"))?,
        dry_run: import.dry_run,
        journal: journal(settings, &artist, import.dry_run)?,
        root: import.folder.clone(),
        artist,
        moodify,
    };
    let mut report = Report::new(import.dry_run, found.left_out);
    let mut progress = Progress::new(found.files.len());
    let (mut broken, stopped) = (None, Cell::new(false));
    {
        // Those that have begun go through to their end; after a failure no other begins.
        let mut outcomes = stream::iter(&found.files)
            .take_while(|_| future::ready(!stopped.get()))
            .map(|path| async { (path.as_path(), importer.import(path).await) })
            .buffer_unordered(import.jobs.into());
        while let Some((path, outcome)) = outcomes.next().await {
            match outcome {
                Ok(outcome) => {
                    let entry = Entry { path: shown(path, &import.folder), outcome };
                    progress.tell(&entry.path, &entry.outcome.words());
                    report.add(entry);
                }
                Err(error) => {
                    broken.get_or_insert((shown(path, &import.folder), error));
                    stopped.set(true);
                }
            }
        }
    }
    progress.end();
    report.print(import.json)?;
    match broken {
        Some((path, error)) => Err(Failure::new(
            format!("the import broke off at {path}: {}", one_line(&error)),
            "mend that (`moodify doctor` helps), and start it again: it goes on where it stopped",
        )),
        None => report.verdict(),
    }
}

/// Whoever has this e-mail, if that is an artist.
async fn artist(moodify: &Moodify, email: &str) -> Result<Caller, Failure> {
    const FIX: &str = "name the e-mail that an artist of this server has signed up with";
    let parsed =
        Email::parse(email).map_err(|_| Failure::new(format!("`{email}` is not an e-mail address"), FIX))?;
    moodify.accounts().artist(&parsed).await.map_err(|error| match error {
        Error::NotFound { .. } => Failure::new(format!("nobody has signed up as {email}"), FIX),
        Error::Forbidden { .. } => {
            Failure::new(format!("{email} is a listener, and only artists have tracks"), FIX)
        }
        error => Failure::new(one_line(&error), "run `moodify doctor`"),
    })
}

/// Accounts, which may be in a database of their own.
pub(super) struct People {
    pub(super) moodify: Moodify,
    database: Option<Arc<dyn Database>>,
}

impl People {
    /// Those of these services, if they have the auth service's database.
    pub(super) async fn open(settings: &Settings, moodify: &Moodify) -> Result<Self, Failure> {
        if settings.database(Services::MUSIC)? == settings.database(Services::AUTH)? {
            return Ok(Self { moodify: moodify.clone(), database: None });
        }
        let database = assemble::database(settings, Services::AUTH, Upgrade::No).await?;
        let config = settings.core(settings.public_url(settings.listen)?);
        Ok(Self { moodify: assemble::accounts(database.clone(), config)?, database: Some(database) })
    }

    pub(super) async fn close(self) {
        if let Some(database) = self.database {
            database.close().await;
        }
    }
}

/// The services, for uploads of which `--jobs` says how many there are at once.
pub(super) fn services(settings: &Settings, parts: &Parts) -> Result<Moodify, Failure> {
    let mut config = settings.core(settings.public_url(settings.listen)?);
    config.catalog.uploads_at_once = 0;
    config.catalog.max_staged_bytes = u64::MAX;
    assemble::moodify(parts, config)
}

fn journal(settings: &Settings, artist: &Caller, dry_run: bool) -> Result<Journal<TrackId>, Failure> {
    Journal::of(settings, &artist.artist_id.map(|id| id.to_string()).unwrap_or_default(), dry_run)
}

fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
