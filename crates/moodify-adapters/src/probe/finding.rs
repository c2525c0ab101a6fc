//! What a look at a file shows, and how a child process tells it: one line of JSON, then the
//! pictures' bytes one after another.

use std::io::{Read, Seek, Write};

use bytes::{Buf, Bytes};
use moodify_core::model::CoverSize;
use moodify_core::port::{AudioInfo, AudioTags, CoverImage, Rejection};
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::limits::ProbeLimits;
use super::{audio, cover, tags};

/// What a file is supposed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Audio,
    Cover,
}

impl Subject {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Cover => "cover",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Audio, Self::Cover].into_iter().find(|subject| subject.as_str() == name)
    }
}

/// What a look at an acceptable file shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Audio(AudioInfo, AudioTags),
    Cover(Vec<CoverImage>),
}

/// Looks at a file. Blocks; may panic, hang or take all memory.
pub(super) fn inspect(
    subject: Subject,
    mut file: impl Read + Seek,
    len: u64,
    limits: &ProbeLimits,
) -> Result<Finding, Fault> {
    match subject {
        Subject::Audio => {
            let info = audio::inspect(&mut file, len, limits)?;
            Ok(Finding::Audio(info, tags::read(file, limits)))
        }
        Subject::Cover => cover::inspect(file, len, limits).map(Finding::Cover),
    }
}

/// The line of JSON.
#[derive(Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum Verdict {
    Audio {
        duration_ms: u32,
        sample_rate: u32,
        channels: u16,
        title: Option<String>,
        genre: Option<String>,
        /// Bytes of the embedded cover.
        cover: Option<usize>,
    },
    Cover {
        /// Bytes of each picture.
        images: [usize; CoverSize::ALL.len()],
    },
    Rejected {
        code: String,
    },
}

/// Writes what [`read`] reads.
pub(super) fn write(mut out: impl Write, finding: &Result<Finding, Rejection>) -> Result<(), std::io::Error> {
    let (verdict, blobs): (_, Vec<&Bytes>) = match finding {
        Ok(Finding::Audio(info, tags)) => (
            Verdict::Audio {
                duration_ms: info.duration_ms,
                sample_rate: info.sample_rate,
                channels: info.channels,
                title: tags.title.clone(),
                genre: tags.genre.clone(),
                cover: tags.cover.as_ref().map(Bytes::len),
            },
            tags.cover.iter().collect(),
        ),
        Ok(Finding::Cover(images)) => {
            let blobs: Vec<_> = images.iter().map(|image| &image.jpeg).collect();
            let lens = CoverSize::ALL.map(|size| size_of_image(images, size));
            (Verdict::Cover { images: lens }, blobs)
        }
        Err(rejection) => (Verdict::Rejected { code: rejection.code().to_owned() }, Vec::new()),
    };
    serde_json::to_writer(&mut out, &verdict)?;
    out.write_all(b"\n")?;
    for blob in blobs {
        out.write_all(blob)?;
    }
    out.flush()
}

fn size_of_image(images: &[CoverImage], size: CoverSize) -> usize {
    images.iter().find(|image| image.size == size).map_or(0, |image| image.jpeg.len())
}

/// Reads what a child process wrote; `None` if it makes no sense.
pub(super) fn read(mut output: Bytes) -> Option<Result<Finding, Rejection>> {
    let line_end = output.iter().position(|&byte| byte == b'\n')?;
    let verdict = serde_json::from_slice(&output.split_to(line_end)).ok()?;
    output.advance(1);
    let mut blob = |len| (len <= output.len()).then(|| output.split_to(len));
    let finding = match verdict {
        Verdict::Audio { duration_ms, sample_rate, channels, title, genre, cover } => {
            let cover = match cover {
                Some(len) => Some(blob(len)?),
                None => None,
            };
            let info = AudioInfo { duration_ms, sample_rate, channels };
            Ok(Finding::Audio(info, AudioTags { title, genre, cover }))
        }
        Verdict::Cover { images } => {
            let images = CoverSize::ALL.into_iter().zip(images);
            let images: Option<_> =
                images.map(|(size, len)| Some(CoverImage { size, jpeg: blob(len)? })).collect();
            Ok(Finding::Cover(images?))
        }
        Verdict::Rejected { code } => Err(rejection(&code)?),
    };
    output.is_empty().then_some(finding)
}

fn rejection(code: &str) -> Option<Rejection> {
    use Rejection::{Damaged, Empty, LimitExceeded, TooCostly, UnsupportedType};
    [Empty, UnsupportedType, Damaged, LimitExceeded, TooCostly].into_iter().find(|r| r.code() == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(finding: &Result<Finding, Rejection>) -> Vec<u8> {
        let mut wire = Vec::new();
        write(&mut wire, finding).unwrap();
        assert_eq!(read(Bytes::from(wire.clone())).as_ref(), Some(finding));
        wire
    }

    #[test]
    fn what_a_child_writes_is_what_its_parent_reads() {
        let info = AudioInfo { duration_ms: 6034, sample_rate: 44_100, channels: 2 };
        let tags = AudioTags {
            title: Some("\u{591C}\n\"x\"".to_owned()),
            genre: None,
            cover: Some(Bytes::from_static(b"\n{}\n")),
        };
        round_trip(&Ok(Finding::Audio(info, tags)));
        round_trip(&Ok(Finding::Audio(info, AudioTags::default())));
        let images = CoverSize::ALL.map(|size| CoverImage { size, jpeg: Bytes::from_static(b"\n\xFF") });
        round_trip(&Ok(Finding::Cover(images.to_vec())));
        round_trip(&Err(Rejection::TooCostly));
    }

    #[test]
    fn nonsense_is_no_finding() {
        let images = CoverSize::ALL.map(|size| CoverImage { size, jpeg: Bytes::from_static(b"abc") });
        let whole = round_trip(&Ok(Finding::Cover(images.to_vec())));
        let longer = [whole.as_slice(), b"x"].concat();
        for wire in [b"".as_slice(), b"\n", b"hello\n", b"{}\n", &whole[..whole.len() - 1], &longer] {
            assert_eq!(read(Bytes::copy_from_slice(wire)), None, "{wire:?}");
        }
        assert_eq!(read(Bytes::from_static(b"{\"verdict\":\"rejected\",\"code\":\"tired\"}\n")), None);
    }
}
