//! Tracks as callers see them: with addresses that play.

use std::collections::HashSet;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::Catalog;
use crate::Error;
use crate::model::{Caller, CoverSize, MediaKey, Track, TrackId, TrackStatus};
use crate::port::SignedUrl;

/// How many tracks of a list have their URLs signed at the same time.
const SIGNED_AT_ONCE: usize = 8;

/// A track with signed URLs for its media.
#[derive(Clone, Debug)]
pub struct TrackView {
    /// The track.
    pub track: Track,
    /// The audio; absent until the track is ready.
    pub audio_url: Option<SignedUrl>,
    /// The cover in its large size; absent when there is none, or until the track is ready.
    pub cover_url: Option<SignedUrl>,
    /// Whether the caller likes it.
    pub liked: bool,
}

/// Part of a list.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the rest begins; `None` at the end.
    pub next_cursor: Option<String>,
}

impl Catalog {
    /// A track for this caller.
    pub(super) async fn view(&self, caller: &Caller, track: Track) -> Result<TrackView, Error> {
        let liked = self.inner.parts.library.liked_among(caller.account_id, &[track.id]).await?;
        let liked = liked.contains(&track.id);
        self.linked(track, liked).await
    }

    /// The tracks of a list for this caller, in their order. What the caller likes of them is asked
    /// once.
    pub(super) async fn views(&self, caller: &Caller, tracks: Vec<Track>) -> Result<Vec<TrackView>, Error> {
        let mut ids: Vec<TrackId> = tracks.iter().map(|track| track.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let liked = self.inner.parts.library.liked_among(caller.account_id, &ids).await?;
        self.all_linked(tracks, &liked).await
    }

    /// The tracks of a list, of which these are liked, in their order.
    pub(super) async fn all_linked(
        &self,
        tracks: Vec<Track>,
        liked: &HashSet<TrackId>,
    ) -> Result<Vec<TrackView>, Error> {
        // Nearly all URLs are remembered. Some signers ask the store for each of the others.
        let views = tracks.into_iter().map(|track| {
            let liked = liked.contains(&track.id);
            self.linked(track, liked)
        });
        stream::iter(views).buffered(SIGNED_AT_ONCE).try_collect().await
    }

    /// A track with its addresses.
    pub(super) async fn linked(&self, track: Track, liked: bool) -> Result<TrackView, Error> {
        let ready = track.status == TrackStatus::Ready;
        let cover = track.cover_key(CoverSize::Large).filter(|_| ready);
        let audio_url = if ready { Some(self.sign(&track.audio_key()).await?) } else { None };
        let cover_url = match cover {
            Some(key) => Some(self.sign(&key).await?),
            None => None,
        };
        Ok(TrackView { track, audio_url, cover_url, liked })
    }

    pub(super) async fn sign(&self, key: &MediaKey) -> Result<SignedUrl, Error> {
        Ok(self.inner.links.sign(key, self.inner.context.now()).await?)
    }
}
