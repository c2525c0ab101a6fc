//! Stored objects: audio and covers.

use std::fmt;

use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::{Invalid, MediaId};

/// A body in pieces. An error item ends it: what came before is not the whole.
pub type ByteStream<'a> = BoxStream<'a, std::io::Result<Bytes>>;

/// The media types Moodify ever serves from a media store. There is no way to add HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ContentType {
    /// `audio/mpeg`: MP3 (RFC 3003).
    #[serde(rename = "audio/mpeg")]
    AudioMpeg,
    /// `image/jpeg`.
    #[serde(rename = "image/jpeg")]
    ImageJpeg,
}

impl ContentType {
    /// The media type as in a `Content-Type` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AudioMpeg => "audio/mpeg",
            Self::ImageJpeg => "image/jpeg",
        }
    }

    /// The media type with this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::AudioMpeg, Self::ImageJpeg].into_iter().find(|t| t.as_str() == name)
    }
}

/// The widths covers are kept in, in pixels; they are square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CoverSize {
    /// 160 × 160, for lists.
    Small,
    /// 640 × 640, for the player.
    Large,
}

impl CoverSize {
    /// Every size, smallest first.
    pub const ALL: [Self; 2] = [Self::Small, Self::Large];

    /// Width and height in pixels.
    pub fn pixels(self) -> u32 {
        match self {
            Self::Small => 160,
            Self::Large => 640,
        }
    }
}

/// Where an object stands in a media store: `audio/<id>.mp3`, `cover/<id>-640.jpg`.
/// Only made here, from server-made ids, so it is always safe as a path and in a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaKey(String);

impl MediaKey {
    /// The audio of this id.
    pub fn audio(id: MediaId) -> Self {
        Self(format!("audio/{id}.mp3"))
    }

    /// The cover of this id in this size.
    pub fn cover(id: MediaId, size: CoverSize) -> Self {
        Self(format!("cover/{id}-{}.jpg", size.pixels()))
    }

    /// Everything that a track with this audio and this cover keeps in the media store.
    pub fn all_of(audio: MediaId, cover: Option<MediaId>) -> Vec<Self> {
        let covers = cover.into_iter().flat_map(|id| CoverSize::ALL.map(|size| Self::cover(id, size)));
        std::iter::once(Self::audio(audio)).chain(covers).collect()
    }

    /// Reads a key back from a URL or a listing.
    ///
    /// # Errors
    /// `invalid_media_key` for anything that [`Self::audio`] or [`Self::cover`] would not make.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let id = |name: &str| name.parse::<MediaId>().ok();
        let key = match text.split_once('/') {
            Some(("audio", name)) => name.strip_suffix(".mp3").and_then(id).map(Self::audio),
            Some(("cover", name)) => CoverSize::ALL.into_iter().find_map(|size| {
                let id = id(name.strip_suffix(&format!("-{}.jpg", size.pixels()))?)?;
                Some(Self::cover(id, size))
            }),
            _ => None,
        };
        key.ok_or_else(|| Invalid::new("invalid_media_key", "This is not the name of a stored object."))
    }

    /// The key as text; `/` separates its parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The media type that follows from the key.
    pub fn content_type(&self) -> ContentType {
        if self.0.starts_with("audio/") { ContentType::AudioMpeg } else { ContentType::ImageJpeg }
    }
}

impl fmt::Display for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
