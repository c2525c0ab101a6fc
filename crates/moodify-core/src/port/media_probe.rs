use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use super::Unavailable;
use crate::model::{ByteStream, CoverSize};

/// Finds out what an untrusted upload really is, by decoding it. Its name and announced type
/// count for nothing.
///
/// Whatever the file, a call ends within seconds with bounded memory, and the process survives:
/// parsers of hostile files may panic, hang or ask for all memory.
#[async_trait]
pub trait MediaProbe: Send + Sync {
    /// Takes an audio file in. It is accepted only if it is one MP3 from its first byte to its
    /// last, and decodes; of files so long that decoding them would cost too much, parts from the
    /// start to the end may stand for the whole. The body is staged outside memory:
    /// [`ProbedAudio::staged`] gives it back.
    ///
    /// # Errors
    /// [`ProbeError::TooLarge`] as soon as more than `max_bytes` have come.
    async fn audio(&self, body: ByteStream<'_>, max_bytes: u64) -> Result<ProbedAudio, ProbeError>;

    /// Takes a picture (JPEG or PNG) in and makes square JPEGs of every [`CoverSize`] from it,
    /// anew from the pixels: nothing of the file itself survives, no EXIF, no trailing data.
    ///
    /// # Errors
    /// [`ProbeError::TooLarge`] as soon as more than `max_bytes` have come.
    async fn cover(&self, body: ByteStream<'_>, max_bytes: u64) -> Result<ProbedCover, ProbeError>;
}

/// An accepted audio file.
#[derive(Debug)]
pub struct ProbedAudio {
    /// What decoding showed.
    pub info: AudioInfo,
    /// What the file says of itself.
    pub tags: AudioTags,
    /// The file, to be copied into a media store.
    pub staged: Box<dyn StagedMedia>,
}

/// What decoding showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioInfo {
    /// Length in milliseconds: decoded samples over sample rate.
    pub duration_ms: u32,
    /// In hertz.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u16,
}

/// What a file says of itself: unchecked text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudioTags {
    /// Title.
    pub title: Option<String>,
    /// Genre.
    pub genre: Option<String>,
    /// The embedded front cover, as it stands in the file.
    pub cover: Option<Bytes>,
}

/// A file that waits outside memory; it is gone when this is dropped.
#[async_trait]
pub trait StagedMedia: fmt::Debug + Send + Sync {
    /// Its size in bytes.
    fn len(&self) -> u64;

    /// Whether it has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes from the start.
    async fn open(&self) -> Result<ByteStream<'static>, Unavailable>;
}

/// An accepted picture, re-encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbedCover {
    /// One JPEG for every [`CoverSize`], in that order.
    pub images: Vec<CoverImage>,
}

/// One size of a cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverImage {
    /// Its size.
    pub size: CoverSize,
    /// A JPEG file.
    pub jpeg: Bytes,
}

/// Why a file was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// There is nothing in it.
    Empty,
    /// It is not of an accepted type.
    UnsupportedType,
    /// It is of an accepted type but broken, incomplete or mixed with something else.
    Damaged,
    /// Its pixels, length or structure pass a limit.
    LimitExceeded,
    /// Looking at it took too long or too much memory.
    TooCostly,
}

impl Rejection {
    /// Stable code for clients.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty_file",
            Self::UnsupportedType => "unsupported_media",
            Self::Damaged => "damaged_media",
            Self::LimitExceeded => "media_limit_exceeded",
            Self::TooCostly => "media_too_costly",
        }
    }
}

/// Why a [`MediaProbe`] gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The file was refused.
    #[error("the file was refused: {}", .0.code())]
    Rejected(Rejection),
    /// More bytes came than allowed.
    #[error("the file is larger than {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// The body could not be read to its end.
    #[error("the body could not be read: {0}")]
    Body(#[source] std::io::Error),
    /// The technology failed: no room for staging, no process to be had.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
