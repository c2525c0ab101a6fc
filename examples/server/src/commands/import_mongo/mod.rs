//! `moodify import-mongo`: takes over the users, musics and playlists of a deployment on Express and Mongoose.
//!
//! Like `moodify import` it runs beside a server or without one. Users come first, then musics, then
//! playlists, each in the order of their ids: what somebody owns finds its owner, and of two users with one
//! mailbox the older one keeps it. New identifiers follow from the old ones (`ids`), so nothing is made
//! twice; a journal remembers what was made and deleted since.

mod bucket;
mod google;
mod ids;
mod musics;
mod people;
mod playlists;
mod report;
mod texts;
mod users;

use std::{
    cell::Cell,
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use clap::Args;
use futures::{
    future::{self, BoxFuture, FutureExt},
    stream::{BoxStream, StreamExt},
};
use moodify_adapters::mongodb::mongoose::{MongooseReader, OldCounts};
use moodify_core::{
    Error, Moodify, Services,
    model::{TrackId, Visibility},
    port::Unavailable,
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::import::{self, journal::Journal, progress::Progress};
use crate::{
    assemble::{self, Parts, Upgrade, with_advice},
    commands::runtime,
    config::{Address, Settings},
    failure::{Failure, one_line},
    lock::Locks,
    logging,
};
use bucket::Bucket;
use people::People;
use report::{Entry, Report};

/// What to take over, and from where.
#[derive(Debug, Args)]
pub(crate) struct ImportMongoOptions {
    /// The old database, with the collections users, musics and playlists. Put a URL with a password
    /// into the environment instead: others see command lines.
    #[arg(long, value_name = "URL", env = "IMPORT_MONGO_URL", hide_env_values = true)]
    from: Option<SecretString>,
    /// The database of musics and playlists, if they have one of their own [default: the same].
    #[arg(long, value_name = "URL", env = "IMPORT_MONGO_MUSIC_URL", hide_env_values = true)]
    music_from: Option<SecretString>,
    /// The old bucket, such as s3://old-music?region=eu-west-1, or a folder with a copy of it.
    #[arg(long, value_name = "PLACE")]
    bucket: String,
    /// Who may see playlists that do not say it.
    #[arg(long, value_parser = ["public", "unlisted", "private"], default_value = "private")]
    playlists: String,
    /// Look at every document and check every file, say what would be done, but import nothing.
    #[arg(long)]
    dry_run: bool,
    /// How many files at once.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
    /// Write the report as JSON, with the new identifier of each old one.
    #[arg(long)]
    json: bool,
}

/// What brings one document after the other over.
struct Importer {
    moodify: Moodify,
    people: People,
    bucket: Bucket,
    journal: Journal<Uuid>,
    /// Of playlists that do not say it.
    visibility: Visibility,
    dry_run: bool,
    /// What a trial would have made.
    tracks: Mutex<HashSet<TrackId>>,
}

impl Importer {
    fn pretend_track(&self, id: TrackId) {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    fn pretended_tracks(&self, ids: &[TrackId]) -> Vec<TrackId> {
        let tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        ids.iter().filter(|id| tracks.contains(id)).copied().collect()
    }
}

/// Imports all of it.
///
/// # Errors
/// If it cannot begin, a part fails on the way, or something was not imported that should have been.
pub(crate) fn run(options: &ImportMongoOptions, settings: &Settings) -> Result<(), Failure> {
    logging::start(&settings.log)?;
    let _lock = Locks::take(&settings.data, &settings.database(Services::MUSIC)?, &["import"])?;
    runtime()?.block_on(import_all(options, settings))
}

/// However it goes, what was opened is closed: MongoDB's driver panics if it is left open to the end of the process.
async fn import_all(options: &ImportMongoOptions, settings: &Settings) -> Result<(), Failure> {
    // The old side first: where that is no such thing, nothing is touched here.
    let old = Old::open(options, settings).await?;
    let done = Box::pin(from_old(options, settings, &old)).await;
    old.close().await;
    done
}

async fn from_old(options: &ImportMongoOptions, settings: &Settings, old: &Old) -> Result<(), Failure> {
    let bucket = Bucket::open(&options.bucket, assemble::context().clock).await?;
    let parts = assemble::parts(settings, Services::MUSIC, Upgrade::No).await?;
    let done = Box::pin(into_parts(options, settings, (old, bucket), &parts)).await;
    parts.queue.close().await;
    parts.database.close().await;
    done
}

async fn into_parts(
    options: &ImportMongoOptions,
    settings: &Settings,
    (old, bucket): (&Old, Bucket),
    parts: &Parts,
) -> Result<(), Failure> {
    let visibility = Visibility::parse(&options.playlists)
        .map_err(|why| Failure::new(why.to_string(), "correct --playlists"))?;
    let claim = alone(parts).await?;
    let journal = Journal::of(settings, "mongo", options.dry_run)?;
    let moodify = import::services(settings, parts)?;
    let accounts = import::People::open(settings, &moodify).await?;
    let importer = Importer {
        people: People::new(accounts.moodify.clone(), old.users.clone()),
        dry_run: options.dry_run,
        tracks: Mutex::default(),
        visibility,
        journal,
        bucket,
        moodify,
    };
    let mut report = Report::new(options.dry_run);
    let done = importer.all(old.music(), options.jobs.into(), &mut report).await;
    accounts.close().await;
    drop(claim);
    report.print(options.json)?;
    match done {
        Ok(()) => report.verdict(),
        Err(failure) => Err(failure),
    }
}

/// The old databases.
struct Old {
    users: Arc<MongooseReader>,
    /// That of musics and playlists, if they have one of their own.
    music: Option<MongooseReader>,
}

impl Old {
    async fn open(options: &ImportMongoOptions, settings: &Settings) -> Result<Self, Failure> {
        let from = options.from.as_ref().ok_or_else(|| {
            Failure::new(
                "nothing says where the old database is",
                "set IMPORT_MONGO_URL, or name it with --from",
            )
        })?;
        let mut old = Self { users: Arc::new(open(settings, "--from", from).await?), music: None };
        if let Some(url) = &options.music_from {
            match open(settings, "--music-from", url).await {
                Ok(music) => old.music = Some(music),
                Err(failure) => {
                    old.close().await;
                    return Err(failure);
                }
            }
        }
        Ok(old)
    }

    fn music(&self) -> &MongooseReader {
        self.music.as_ref().unwrap_or(&self.users)
    }

    async fn close(&self) {
        self.users.close().await;
        if let Some(music) = &self.music {
            music.close().await;
        }
    }
}

/// One of the old databases.
async fn open(settings: &Settings, option: &str, url: &SecretString) -> Result<MongooseReader, Failure> {
    let address = Address::try_from(url.expose_secret().to_owned()).map_err(|why| {
        Failure::new(format!("{option}: {why}"), "write it as mongodb://user:password@host:27017/database")
    })?;
    // In the same database collections of one name would be mixed.
    let all = settings.every_database(Services::ALL)?;
    if all.iter().any(|(_, database)| database.to_string() == address.to_string()) {
        return Err(Failure::new(
            format!("{option} and database are both {address}"),
            "give Moodify a database of its own: set database to another one",
        ));
    }
    let opened = MongooseReader::connect(&settings.mongodb.config(&address)).await;
    opened.map_err(|error| with_advice(&error, format!("look at what {option} names").as_str()))
}

/// The role of the one who imports; the lock of a data folder does not reach to other machines.
async fn alone(parts: &Parts) -> Result<crate::database::Claim, Failure> {
    let claimed = parts.database.claim_role("import").await;
    let claimed = claimed.map_err(|error| Failure::new(one_line(&error), "run `moodify doctor`"))?;
    claimed.ok_or_else(|| {
        Failure::new(
            "another process imports into this database",
            "wait for its end; one that was killed is forgotten within 15 seconds",
        )
    })
}

impl Importer {
    /// Users, musics and playlists, each into the report.
    async fn all(&self, music: &MongooseReader, jobs: usize, report: &mut Report) -> Result<(), Failure> {
        let users = self.people.reader();
        let counts = counts(users, music).await.map_err(|error| broken_off("the beginning", &error))?;
        let mut progress = Progress::new(counts);
        let mut told = (report, &mut progress);
        // One after the other: of two with one mailbox the older one is first.
        let mut done = each(users.users(), 1, |user| self.user(user).boxed(), &mut told).await;
        if done.is_ok() {
            done = each(music.musics(), jobs, |music| self.music(music).boxed(), &mut told).await;
        }
        if done.is_ok() {
            done = each(music.playlists(), 1, |list| self.playlist(list).boxed(), &mut told).await;
        }
        progress.end();
        done
    }
}

async fn counts(users: &MongooseReader, music: &MongooseReader) -> Result<usize, Unavailable> {
    let OldCounts { users, .. } = users.counts().await?;
    let OldCounts { musics, playlists, .. } = music.counts().await?;
    Ok(usize::try_from(users + musics + playlists).unwrap_or(usize::MAX))
}

/// Does this for each document, so many at once, until the first that a part does not work for. Those that
/// have begun go through to their end.
async fn each<'a, T: Send + 'a>(
    documents: BoxStream<'a, Result<T, Unavailable>>,
    jobs: usize,
    import: impl Fn(T) -> BoxFuture<'a, Result<Entry, Error>>,
    (report, progress): &mut (&mut Report, &mut Progress),
) -> Result<(), Failure> {
    let broken = Cell::new(false);
    let mut outcomes = documents
        .take_while(|_| future::ready(!broken.get()))
        .map(move |document| match document {
            Ok(document) => import(document),
            Err(error) => future::ready(Err(error.into())).boxed(),
        })
        .buffer_unordered(jobs);
    let mut last = "the beginning".to_owned();
    let mut why = None;
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(entry) => {
                last = entry.subject();
                progress.tell(&last, &entry.outcome.words());
                report.add(entry);
            }
            Err(error) => {
                broken.set(true);
                why.get_or_insert_with(|| broken_off(&format!("what follows {last}"), &error));
            }
        }
    }
    why.map_or(Ok(()), Err)
}

fn broken_off(place: &str, error: &dyn std::error::Error) -> Failure {
    Failure::new(
        format!("the import broke off at {place}: {}", one_line(error)),
        "mend that (`moodify doctor` helps), and start it again: it goes on where it stopped",
    )
}
