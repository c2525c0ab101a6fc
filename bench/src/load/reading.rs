//! Lists and playlists: what a player asks all day.

use std::time::Duration;

use anyhow::Result;

use super::{Length, Load, run};
use crate::{client::Client, subject::Subject};

/// How many ask at once.
pub(super) const CLIENTS: usize = 8;

/// Ten tracks with 20 signed URLs.
pub(crate) async fn list(subject: &Subject, client: &Client, time: Duration) -> Result<Load> {
    read(subject, client, "/v1/tracks?limit=10".to_owned(), time).await
}

/// A playlist with all its tracks.
pub(crate) async fn playlist(subject: &Subject, client: &Client, id: &str, time: Duration) -> Result<Load> {
    read(subject, client, format!("/v1/playlists/{id}"), time).await
}

/// Any one address, again and again.
pub(crate) async fn read(subject: &Subject, client: &Client, path: String, time: Duration) -> Result<Load> {
    let client = client.clone();
    run(&subject.music(), CLIENTS, Length::For(time), move |_| {
        let (client, path) = (client.clone(), path.clone());
        async move { client.read(&path).await.map(drop) }
    })
    .await
}
