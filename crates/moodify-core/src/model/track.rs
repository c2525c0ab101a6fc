//! Tracks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ArtistId, ArtistName, CoverSize, Genre, Invalid, MediaId, MediaKey, Title, TrackId};

/// Who may find and play a track or playlist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody finds it.
    #[default]
    Public,
    /// Everybody who has the address.
    Unlisted,
    /// Its owner alone; to others it does not exist.
    Private,
}

impl Visibility {
    /// The name in databases and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Private => "private",
        }
    }

    /// The visibility with this name.
    ///
    /// # Errors
    /// `invalid_visibility`.
    pub fn parse(name: &str) -> Result<Self, Invalid> {
        [Self::Public, Self::Unlisted, Self::Private]
            .into_iter()
            .find(|v| v.as_str() == name)
            .ok_or_else(|| Invalid::new("invalid_visibility", "Use public, unlisted or private."))
    }
}

/// How far an upload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackStatus {
    /// Its media is not all in the store yet; only the owner sees it.
    Processing,
    /// It plays.
    Ready,
    /// It was refused after the upload.
    Rejected,
}

impl TrackStatus {
    /// The name in databases and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Rejected => "rejected",
        }
    }

    /// The status with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Processing, Self::Ready, Self::Rejected].into_iter().find(|s| s.as_str() == name)
    }
}

/// A track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Identifier.
    pub id: TrackId,
    /// Whose it is.
    pub artist_id: ArtistId,
    /// The artist's name at the time of reading; a store takes it from the artist's record.
    pub artist_name: ArtistName,
    /// Title.
    pub title: Title,
    /// Genre, when the artist gave one.
    pub genre: Option<Genre>,
    /// Length in milliseconds, as decoded.
    pub duration_ms: u32,
    /// Size of the audio in bytes.
    pub size_bytes: u64,
    /// Who may find and play it.
    pub visibility: Visibility,
    /// How far the upload has come.
    pub status: TrackStatus,
    /// The stored audio.
    pub audio: MediaId,
    /// The stored cover, in every [`CoverSize`].
    pub cover: Option<MediaId>,
    /// How often it was played.
    pub play_count: u64,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// Grows with every change; the `ETag`.
    pub version: u64,
}

impl Track {
    /// Where the audio is stored.
    pub fn audio_key(&self) -> MediaKey {
        MediaKey::audio(self.audio)
    }

    /// Where the cover of this size is stored.
    pub fn cover_key(&self, size: CoverSize) -> Option<MediaKey> {
        self.cover.map(|id| MediaKey::cover(id, size))
    }

    /// Everything this track keeps in the media store.
    pub fn media_keys(&self) -> Vec<MediaKey> {
        MediaKey::all_of(self.audio, self.cover)
    }

    /// Whether this artist (or, with `None`, somebody who is no artist) may know that it exists.
    pub fn is_visible_to(&self, artist: Option<ArtistId>) -> bool {
        let published = self.visibility != Visibility::Private && self.status == TrackStatus::Ready;
        published || artist == Some(self.artist_id)
    }
}

/// What its artist changes of a track; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackChange {
    /// The new title.
    pub title: Option<Title>,
    /// The new genre; `Some(None)` for none at all.
    pub genre: Option<Option<Genre>>,
    /// Who may find and play it from now on.
    pub visibility: Option<Visibility>,
}

/// The order of a list of tracks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackSort {
    /// Latest upload first.
    #[default]
    Newest,
    /// Most plays first, then latest upload.
    Popular,
    /// By folded title, then by id.
    Title,
}

/// Which tracks a list shows. Only public, ready tracks are ever listed, except to their artist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackFilter {
    /// Folded query words: each must begin a word of the title or the artist's name.
    pub words: Vec<String>,
    /// Only this artist's.
    pub artist_id: Option<ArtistId>,
    /// Only this genre, compared folded.
    pub genre: Option<Genre>,
    /// Also the unpublished tracks of this artist: whoever is asking.
    pub viewer: Option<ArtistId>,
    /// The order.
    pub sort: TrackSort,
}
