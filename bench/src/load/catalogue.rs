//! Whether a large catalogue answers as fast as a small one.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::reading;
use crate::{client::Client, subject::Subject};

/// What is asked of a catalogue of any size.
const QUESTIONS: [(&str, &str); 9] = [
    ("newest", "/v1/tracks?limit=20"),
    ("popular", "/v1/tracks?limit=20&sort=popular"),
    ("by title", "/v1/tracks?limit=20&sort=title"),
    ("of a genre", "/v1/tracks?limit=20&genre=Jazz"),
    ("word in 0.1 %", "/v1/tracks?limit=20&q=permille"),
    ("word in 1 %", "/v1/tracks?limit=20&q=percent"),
    ("word in 10 %", "/v1/tracks?limit=20&q=lantern"),
    ("word in all", "/v1/tracks?limit=20&q=song"),
    ("two words that never meet", "/v1/tracks?limit=20&q=river+harbour"),
];

/// One question's cost.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) question: &'static str,
    pub(crate) cpu_ms: f64,
    pub(crate) p50_ms: f64,
}

pub(crate) async fn costs(subject: &Subject, client: &Client, time: Duration) -> Result<Vec<Cost>> {
    let mut costs = Vec::new();
    for (question, path) in QUESTIONS {
        let load = reading::read(subject, client, path.to_owned(), time).await?;
        costs.push(Cost { question, cpu_ms: load.cpu_ms(), p50_ms: load.quantile_ms(0.5) });
    }
    Ok(costs)
}
