//! Whether a large catalogue answers as fast as a small one.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Serialize;

use super::{Length, Load, reading, run};
use crate::{client::Client, subject::Subject};

/// What is asked of a catalogue of any size. How often words stand in it, `seed_tracks` says.
const QUESTIONS: [(&str, &str); 18] = [
    ("newest", "/v1/tracks?limit=20"),
    ("popular", "/v1/tracks?limit=20&sort=popular"),
    ("by title", "/v1/tracks?limit=20&sort=title"),
    ("of a genre", "/v1/tracks?limit=20&genre=Jazz"),
    ("a word on 0.1 %", "/v1/tracks?limit=20&q=permille"),
    ("a word on 1 %", "/v1/tracks?limit=20&q=percent"),
    ("a word on 10 %", "/v1/tracks?limit=20&q=lantern"),
    ("a word on all", "/v1/tracks?limit=20&q=song"),
    ("a word on 1 %, by title", "/v1/tracks?limit=20&q=percent&sort=title"),
    ("a word on 1 %, in a genre", "/v1/tracks?limit=20&q=percent&genre=Jazz"),
    ("a word on 10 %, in a genre, newest", "/v1/tracks?limit=20&q=lantern&genre=Jazz&sort=newest"),
    ("one letter that begins 12 % and many words", "/v1/tracks?limit=20&q=k"),
    ("two letters that begin 6 % and many words", "/v1/tracks?limit=20&q=ko"),
    ("four letters that begin 0.4 % and 16 words", "/v1/tracks?limit=20&q=kori"),
    ("two words that meet on 3 %", "/v1/tracks?limit=20&q=alpha+river"),
    ("two words that meet on 0.3 %", "/v1/tracks?limit=20&q=percent+alpha"),
    ("two words on 10 % each that never meet", "/v1/tracks?limit=20&q=river+harbour"),
    ("two words on 33 % each that never meet", "/v1/tracks?limit=20&q=alpha+omega"),
];

/// How many plays are counted. A listener has no more of them in a day.
const PLAYS: u64 = 800;

/// How long after the play before it each of them began.
const APART: Duration = Duration::from_secs(100);

/// One question's cost.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) question: &'static str,
    pub(crate) cpu_ms: f64,
}

pub(crate) async fn costs(subject: &Subject, client: &Client, time: Duration) -> Result<Vec<Cost>> {
    let mut costs = Vec::new();
    for (question, path) in QUESTIONS {
        let load = reading::read(subject, client, path, time).await?;
        costs.push(Cost { question, cpu_ms: load.cpu_ms() });
    }
    costs.push(Cost { question: "counting a play", cpu_ms: plays(subject, client).await?.cpu_ms() });
    Ok(costs)
}

/// Plays of popular tracks by one listener, since yesterday.
async fn plays(subject: &Subject, client: &Client) -> Result<Load> {
    let popular = client.json("/v1/tracks?limit=100&sort=popular").await?;
    let tracks = popular["items"].as_array().context("no tracks")?;
    let ids: Option<Vec<String>> =
        tracks.iter().map(|track| Some(track["id"].as_str()?.to_owned())).collect();
    let (ids, client) = (Arc::new(ids.context("a track without an id")?), client.clone());
    let first = Timestamp::now() - Duration::from_secs(23 * 60 * 60);
    run(&subject.music(), reading::CLIENTS, Length::Count(PLAYS), move |number| {
        let (ids, client) = (ids.clone(), client.clone());
        async move {
            let started_at = first + APART * u32::try_from(number)?;
            let id = &ids[usize::try_from(number)? % ids.len()];
            client.play(id, &format!("play-{number}"), started_at).await
        }
    })
    .await
}
