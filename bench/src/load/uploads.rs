//! Uploads of real MP3 files, made longer by repeating them.

use std::sync::Arc;

use anyhow::{Context, Result};

use super::{Length, Load, run};
use crate::{client::Client, subject::Subject};

const TUNE: &[u8] = include_bytes!("../../../examples/media/cbr-mono-untagged.mp3");
const COVER: &[u8] = include_bytes!("../../../examples/media/cover.jpg");

/// A small track with a cover, for lists.
pub(crate) async fn small(client: &Client, number: usize) -> Result<String> {
    client.upload(&format!("Song {number}"), TUNE.to_vec(), Some(COVER.to_vec())).await
}

/// So many uploads of so many bytes each, so many at once.
pub(crate) async fn load(
    subject: &Subject,
    client: &Client,
    count: u64,
    at_once: usize,
    bytes: usize,
) -> Result<Load> {
    let audio = Arc::new(tune_of(bytes).context("an audio file")?);
    let client = client.clone();
    run(&subject.music(), at_once, Length::Count(count), move |number| {
        let (client, audio) = (client.clone(), audio.clone());
        async move { client.upload(&format!("Long song {number}"), audio.to_vec(), None).await.map(drop) }
    })
    .await
}

/// The untagged tune has bare frames only: after the last one the first may follow.
fn tune_of(bytes: usize) -> Option<Vec<u8>> {
    let times = bytes.div_ceil(TUNE.len());
    Some(TUNE.repeat(times)).filter(|audio| !audio.is_empty())
}
