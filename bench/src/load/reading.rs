//! Lists and playlists: what a player asks all day.

use std::time::Duration;

use anyhow::Result;

use super::{Length, Load, run};
use crate::{client::Client, subject::Subject};

/// How many ask at once.
pub(super) const CLIENTS: usize = 8;

/// One address, again and again.
pub(crate) async fn read(subject: &Subject, client: &Client, path: &str, time: Duration) -> Result<Load> {
    let (client, path) = (client.clone(), path.to_owned());
    run(&subject.music(), CLIENTS, Length::For(time), move |_| {
        let (client, path) = (client.clone(), path.clone());
        async move { client.read(&path).await.map(drop) }
    })
    .await
}
