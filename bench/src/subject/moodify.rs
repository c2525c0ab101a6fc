use std::path::Path;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use moodify_adapters::sql::{SqlConfig, SqlStore, SqliteConfig};
use moodify_core::{
    model::{Artist, ArtistName, Genre, Title, Track, TrackStatus, Visibility, id::uuid_v7},
    port::{CatalogStore, Rng},
};
use tokio::process::Command;

use super::{Subject, Tokens};
use crate::{
    client::{Addresses, Client},
    process::Process,
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
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder).envs(UNLIMITED);
    let log = folder.with_extension("log");
    let (process, url) = Process::start(&mut command, &log, |line| {
        let url = line.trim().strip_prefix("API")?.trim();
        url.strip_suffix("/v1").map(str::to_owned)
    })
    .await?;
    let at = Addresses { auth: url.clone(), music: url.clone(), sync: url };
    Ok(Subject {
        at,
        auth: 0,
        music: 0,
        sync: 0,
        processes: vec![process],
        tokens: Tokens::BySignUp,
        _stores: Vec::new(),
    })
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

/// Titles are made of these in turn: each word stands in a known share of the tracks.
const WORDS: [&str; 10] =
    ["River", "Lantern", "Harbour", "Winter", "Echo", "Velvet", "Garden", "Signal", "Copper", "Tide"];

/// Fills a data folder that no server runs on. 1 % of the titles hold `percent`, one in 1,000 holds
/// `permille`, every tenth each of [`WORDS`], and all `song`.
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
        let mut title = format!("{} Song", WORDS[number as usize % WORDS.len()]);
        if number % 100 == 0 {
            title.push_str(" Percent");
        }
        if number % 1000 == 0 {
            title.push_str(" Permille");
        }
        let artist = &artists[number as usize % artists.len()];
        let track = Track {
            id: new_id().into(),
            artist_id: artist.id,
            artist_name: artist.name.clone(),
            title: Title::parse(&title).map_err(anyhow::Error::msg)?,
            genre: Genre::parse(["Jazz", "Folk", "Ambient", "Pop"][number as usize % 4]).ok(),
            duration_ms: 180_000,
            size_bytes: 5_000_000,
            visibility: Visibility::Public,
            status: TrackStatus::Ready,
            audio: new_id().into(),
            cover: Some(new_id().into()),
            play_count: u64::from(number.wrapping_mul(2_654_435_761) % 10_000),
            created_at: Timestamp::now(),
            version: 1,
        };
        store.create_track(&track).await?;
    }
    store.close().await;
    Ok(())
}
