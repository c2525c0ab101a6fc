use std::path::Path;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use moodify_adapters::sql::{SqlConfig, SqlStore, SqliteConfig};
use moodify_core::{
    model::{Artist, ArtistName, Genre, Title, Track, TrackStatus, Visibility, id::uuid_v7},
    port::{CatalogStore, Rng},
};
use tokio::process::Command;

use super::{
    Subject, Tokens,
    stores::{BUCKET, KEY, SECRET, Stores},
};
use crate::{
    client::{Addresses, Client},
    process::Process,
    replay::Replay,
    wire::Wire,
};

/// Bounds that a harness at one address would run into: loads measure the work, not the refusal.
const UNLIMITED: [(&str, &str); 5] = [
    ("MOODIFY_LIMITS_LOGIN_FAILURES_PER_MINUTE", "0"),
    ("MOODIFY_LIMITS_SIGNUP_PER_MINUTE", "0"),
    ("MOODIFY_LIMITS_REQUESTS_PER_MINUTE", "0"),
    ("MOODIFY_CATALOG_UPLOADS_AT_ONCE", "0"),
    ("MOODIFY_PLAYBACK_MESSAGES_PER_SECOND", "100000"),
];

/// One process with everything in it, on its embedded defaults.
pub(super) async fn start(program: &Path, folder: &Path) -> Result<Subject> {
    let (process, url) = serve(program, "all", folder, &[]).await?;
    let at = Addresses { auth: url.clone(), music: url.clone(), sync: url };
    Ok(Subject {
        at,
        second_sync: None,
        auth: 0,
        music: 0,
        sync: 0..1,
        processes: vec![process],
        tokens: Tokens::BySignUp,
        broker: None,
        replay: None,
        _stores: Vec::new(),
    })
}

/// One process a service, and two for sync. The auth service has a database of its own, so that it alone relays its
/// events: the music service relays what stands in the database that it shares with the others.
pub(super) async fn start_apart(program: &Path, folder: &Path) -> Result<Subject> {
    std::fs::create_dir_all(folder)?;
    let stores = Stores::start(folder).await?;
    let mut queue = reqwest::Url::parse(&stores.amqp).context("AMQP_URL is no URL")?;
    let host = queue.host_str().context("AMQP_URL names no host")?;
    let broker = Wire::to(format!("{host}:{}", queue.port().unwrap_or(5672))).await?;
    let moved = queue.set_host(Some("127.0.0.1")).is_ok() && queue.set_port(Some(broker.port)).is_ok();
    ensure!(moved, "AMQP_URL cannot be led through another port");
    let media = format!("s3://{BUCKET}?region=us-east-1&endpoint={}&path_style=true", stores.s3());
    let mut settings = vec![
        ("MOODIFY_PUBLIC_URL", "http://127.0.0.1:8080".to_owned()),
        ("MOODIFY_DATABASE", stores.mongo("moodify")),
        ("MOODIFY_DATABASES_AUTH", stores.mongo("moodify_auth")),
        ("MOODIFY_SYNC", stores.redis.clone()),
        ("MOODIFY_QUEUE", queue.into()),
        // What an earlier run has left on the broker is not this one's. All loads of a run have the same queues: a
        // consumer has a dozen, and a broker with hundreds of them is slow.
        ("MOODIFY_RABBITMQ_PREFIX", format!("bench-{}", std::process::id())),
        ("MOODIFY_MEDIA", media),
        ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
    ];
    let replay = Replay::to(stores.mongo_port).await?;
    let (mut processes, mut urls) = (Vec::new(), Vec::new());
    for (name, data) in [
        ("auth", "auth"),
        ("music", "music"),
        ("sync", "sync"),
        ("sync", "sync-2"),
        ("notification", "notification"),
    ] {
        let mut settings_of_it = settings.clone();
        if name == "music" {
            settings_of_it.push(("MOODIFY_DATABASE", replay.url("moodify")));
        }
        let (process, url) = serve(program, name, &folder.join(data), &settings_of_it).await?;
        if name == "auth" {
            settings.push(("MOODIFY_ACCOUNTS_JWKS_URL", format!("{url}/.well-known/jwks.json")));
        }
        processes.push(process);
        urls.push(url);
    }
    let at = Addresses { auth: urls[0].clone(), music: urls[1].clone(), sync: urls[2].clone() };
    let (tokens, _stores) = (Tokens::BySignUp, stores.into_processes());
    let (second_sync, broker) = (urls.get(3).cloned(), Some(broker));
    let replay = Some(replay);
    Ok(Subject { at, second_sync, auth: 0, music: 1, sync: 2..4, processes, tokens, broker, replay, _stores })
}

async fn serve(
    program: &Path,
    service: &str,
    folder: &Path,
    settings: &[(&str, String)],
) -> Result<(Process, String)> {
    let mut command = Command::new(program);
    command.args(["serve", service, "--listen", "127.0.0.1:0", "--data"]).arg(folder).envs(UNLIMITED);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    if service != "all" {
        // As the peer: more processes are started where more processors are.
        command.env("TOKIO_WORKER_THREADS", "1");
    }
    let log = folder.with_extension("log");
    Process::start(&mut command, &log, |line| {
        let url = line.trim().strip_prefix("API")?.trim();
        url.strip_suffix("/v1").map(str::to_owned)
    })
    .await
}

/// Access tokens of new listeners.
pub(super) async fn sign_up(at: &Addresses, count: usize) -> Result<Vec<String>> {
    let client = Client::new(at.clone())?;
    let signing_up = stream::iter(0..count).map(|number| {
        let client = client.clone();
        async move { client.sign_up(&format!("device-{number}@bench.example")).await }
    });
    signing_up.buffered(8).map_ok(|client| client.token().to_owned()).try_collect().await
}

/// What a seeded catalogue holds.
pub(crate) struct Catalogue {
    pub(crate) tracks: u32,
}

/// Titles begin with these in turn: each word stands in a known share of the tracks.
const FIRST: [&str; 10] =
    ["River", "Lantern", "Harbour", "Winter", "Echo", "Velvet", "Garden", "Signal", "Copper", "Tide"];

/// And go on with these, whatever they began with.
const SECOND: [&str; 3] = ["Alpha", "Omega", "Meadow"];

/// What words that few tracks have are made of.
const SYLLABLES: [&str; 16] =
    ["ba", "ko", "ri", "ta", "lu", "ne", "mo", "sa", "vi", "du", "fe", "gi", "ho", "ja", "ka", "le"];

const GENRES: [&str; 8] = ["Jazz", "Folk", "Ambient", "Pop", "Rock", "Soul", "House", "Metal"];

/// Mixes a number, so that what is made of it goes with nothing else.
fn mixed(number: u32) -> usize {
    let mixed = number.wrapping_mul(2_654_435_761);
    (mixed ^ (mixed >> 15)) as usize
}

/// Every title holds `song`, one in 100 `percent`, one in 1,000 `permille`.
fn title(number: u32) -> String {
    let dice = mixed(number);
    let rare: String = (0..3).map(|nth| SYLLABLES[(dice >> (4 * nth)) % SYLLABLES.len()]).collect();
    let (first, second) =
        (FIRST[number as usize % FIRST.len()], SECOND[(number / 10) as usize % SECOND.len()]);
    let percent = if number.is_multiple_of(100) { " Percent" } else { "" };
    let permille = if number.is_multiple_of(1000) { " Permille" } else { "" };
    format!("{rare} {first} {second} Song{percent}{permille}")
}

/// Fills a data folder that no server runs on.
pub(crate) async fn seed_tracks(folder: &Path, catalogue: &Catalogue) -> Result<()> {
    let store = SqlStore::connect(&SqlConfig::Sqlite(SqliteConfig::new(folder.join("moodify.db")))).await?;
    let rng = moodify_core::memory::SystemRng;
    let mut moment = Timestamp::now();
    let mut new_id = || {
        moment += std::time::Duration::from_millis(1);
        let mut random = [0; 10];
        rng.fill(&mut random);
        uuid_v7(moment, &random)
    };
    let mut artists = Vec::new();
    for number in 0..(catalogue.tracks / 10).max(1) {
        let name = ArtistName::parse(&format!("Artist {number}")).map_err(anyhow::Error::msg)?;
        let (id, account_id) = (new_id().into(), new_id().into());
        let artist =
            Artist { id, account_id, name, named_at: Timestamp::now(), created_at: Timestamp::now() };
        store.upsert_artist(&artist).await?;
        artists.push(artist);
    }
    for number in 0..catalogue.tracks {
        let artist = &artists[number as usize % artists.len()];
        let track = Track {
            id: new_id().into(),
            artist_id: artist.id,
            artist_name: artist.name.clone(),
            title: Title::parse(&title(number)).map_err(anyhow::Error::msg)?,
            genre: Genre::parse(GENRES[(mixed(number) >> 16) % GENRES.len()]).ok(),
            duration_ms: 180_000,
            size_bytes: 5_000_000,
            visibility: Visibility::Public,
            status: TrackStatus::Ready,
            audio: new_id().into(),
            cover: Some(new_id().into()),
            play_count: (mixed(number.wrapping_add(7)) % 10_000) as u64,
            created_at: Timestamp::now(),
            version: 1,
        };
        store.create_track(&track).await?;
    }
    store.close().await;
    Ok(())
}
