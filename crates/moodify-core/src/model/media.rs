//! Stored objects: audio and covers.

use std::fmt;

use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::{Invalid, MediaId, PictureKind, UploadId};

/// A body in pieces. An error item ends it: what came before is not the whole.
pub type ByteStream<'a> = BoxStream<'a, std::io::Result<Bytes>>;

/// The media types of what a media store holds. There is no way to add HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ContentType {
    /// `audio/mpeg`: MP3 (RFC 3003).
    #[serde(rename = "audio/mpeg")]
    AudioMpeg,
    /// `image/jpeg`.
    #[serde(rename = "image/jpeg")]
    ImageJpeg,
    /// `image/png`: only on its way in, covers are kept as JPEG.
    #[serde(rename = "image/png")]
    ImagePng,
}

impl ContentType {
    /// The media type as in a `Content-Type` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AudioMpeg => "audio/mpeg",
            Self::ImageJpeg => "image/jpeg",
            Self::ImagePng => "image/png",
        }
    }

    /// The media type with this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::AudioMpeg, Self::ImageJpeg, Self::ImagePng].into_iter().find(|t| t.as_str() == name)
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

/// Where an object stands in a media store: `audio/<id>.mp3`, `cover/<id>-640.jpg`; and
/// `upload/<id>-1.mp3`, `upload/<id>.png` for what waits to be looked at.
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

    /// A part of a file that is being uploaded.
    pub fn upload_part(id: UploadId, number: u32) -> Self {
        Self(format!("upload/{id}-{number}.mp3"))
    }

    /// The picture that is uploaded with it.
    pub fn upload_cover(id: UploadId, kind: PictureKind) -> Self {
        let extension = match kind {
            PictureKind::Jpeg => "jpg",
            PictureKind::Png => "png",
        };
        Self(format!("upload/{id}.{extension}"))
    }

    /// Everything that a track with this audio and this cover keeps in the media store.
    pub fn all_of(audio: MediaId, cover: Option<MediaId>) -> Vec<Self> {
        let covers = cover.into_iter().flat_map(|id| CoverSize::ALL.map(|size| Self::cover(id, size)));
        std::iter::once(Self::audio(audio)).chain(covers).collect()
    }

    /// Reads a key back from a URL or a listing.
    ///
    /// # Errors
    /// `invalid_media_key` for anything that no function here would make.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let id = |name: &str| name.parse::<MediaId>().ok();
        let key = match text.split_once('/') {
            Some(("audio", name)) => name.strip_suffix(".mp3").and_then(id).map(Self::audio),
            Some(("cover", name)) => CoverSize::ALL.into_iter().find_map(|size| {
                let id = id(name.strip_suffix(&format!("-{}.jpg", size.pixels()))?)?;
                Some(Self::cover(id, size))
            }),
            Some(("upload", name)) => upload_key(name),
            _ => None,
        };
        // One thing has one name.
        key.filter(|key| key.0 == text)
            .ok_or_else(|| Invalid::new("invalid_media_key", "This is not the name of a stored object."))
    }

    /// The key as text; `/` separates its parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The media type that follows from the key.
    pub fn content_type(&self) -> ContentType {
        match self.0.rsplit_once('.') {
            Some((_, "mp3")) => ContentType::AudioMpeg,
            Some((_, "png")) => ContentType::ImagePng,
            _ => ContentType::ImageJpeg,
        }
    }

    /// Whether it waits to be looked at: nobody is to read it by a URL.
    pub fn is_upload(&self) -> bool {
        self.0.starts_with("upload/")
    }
}

fn upload_key(name: &str) -> Option<MediaKey> {
    let (stem, extension) = name.split_once('.')?;
    match extension {
        "mp3" => {
            let (id, number) = stem.rsplit_once('-')?;
            Some(MediaKey::upload_part(id.parse().ok()?, number.parse().ok()?))
        }
        "jpg" => Some(MediaKey::upload_cover(stem.parse().ok()?, PictureKind::Jpeg)),
        "png" => Some(MediaKey::upload_cover(stem.parse().ok()?, PictureKind::Png)),
        _ => None,
    }
}

impl fmt::Display for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_and_nothing_else_is() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        for good in [
            format!("audio/{id}.mp3"),
            format!("cover/{id}-640.jpg"),
            format!("upload/{id}-1.mp3"),
            format!("upload/{id}-100.mp3"),
            format!("upload/{id}.jpg"),
            format!("upload/{id}.png"),
        ] {
            let key = MediaKey::parse(&good).unwrap();
            assert_eq!(key.as_str(), good);
            assert_eq!(key.is_upload(), good.starts_with("upload/"));
            let expected = match good.rsplit_once('.').unwrap().1 {
                "mp3" => ContentType::AudioMpeg,
                "png" => ContentType::ImagePng,
                _ => ContentType::ImageJpeg,
            };
            assert_eq!(key.content_type(), expected);
        }
        for bad in [
            format!("upload/{id}.mp3"),
            format!("upload/{id}-01.mp3"),
            format!("upload/{id}-+1.mp3"),
            format!("upload/{id}-1.mp3.mp3"),
            format!("upload/{id}-4294967296.mp3"),
            format!("upload/{}-1.mp3", id.to_uppercase()),
            format!("upload/../audio/{id}.mp3"),
            format!("cover/{id}.png"),
            "upload/".to_owned(),
        ] {
            assert!(MediaKey::parse(&bad).is_err(), "{bad}");
        }
    }
}
