//! What an MP3 says of itself. Its tags are hints: a broken one is as good as none.

use std::io::{Read, Seek};

use bytes::Bytes;
use lofty::config::{ParseOptions, ParsingMode};
use lofty::file::{AudioFile, TaggedFile};
use lofty::mpeg::MpegFile;
use lofty::picture::PictureType;
use lofty::prelude::{Accessor, TaggedFileExt};
use lofty::tag::Tag;
use moodify_core::model::{Genre, Title};
use moodify_core::port::AudioTags;

use super::limits::ProbeLimits;

/// Reads the tags of a file that [`Layout`](super::layout::Layout) has found sound.
pub(super) fn read(mut file: impl Read + Seek, limits: &ProbeLimits) -> AudioTags {
    let options =
        ParseOptions::new().read_properties(false).parsing_mode(ParsingMode::Relaxed).max_junk_bytes(0);
    let file: TaggedFile = match file.rewind().map(|()| MpegFile::read_from(&mut file, options)) {
        Ok(Ok(file)) => file.into(),
        _ => return AudioTags::default(),
    };
    // The newer format first: ID3v1 cuts texts after 30 bytes.
    let tags = || file.primary_tag().into_iter().chain(file.tags());
    AudioTags {
        title: tags().find_map(|tag| clean(&tag.title()?, Title::MAX_CHARS)),
        genre: tags().find_map(|tag| clean(&tag.genre()?, Genre::MAX_CHARS)),
        cover: tags().find_map(|tag| cover(tag, limits.max_embedded_cover)),
    }
}

/// Makes one line of at most `max_chars` characters; `None` if nothing is left.
fn clean(text: &str, max_chars: usize) -> Option<String> {
    let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let line: String = visible.skip_while(|c| c.is_whitespace()).take(max_chars).collect();
    let line = line.trim_end();
    (!line.is_empty()).then(|| line.to_owned())
}

fn cover(tag: &Tag, max_bytes: u64) -> Option<Bytes> {
    let pictures = tag.pictures();
    let front = pictures.iter().find(|picture| picture.pic_type() == PictureType::CoverFront);
    // Many programs mark the only picture as "other".
    let data = front.or_else(|| pictures.first())?.data();
    (!data.is_empty() && data.len() as u64 <= max_bytes).then(|| Bytes::copy_from_slice(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_one_short_line() {
        assert_eq!(clean("  Slow\0Tide\r\n ", 200).as_deref(), Some("Slow Tide"));
        assert_eq!(clean(" \0\t ", 200), None);
        assert_eq!(clean(&"\u{1F3B5}".repeat(10_000), 200).map(|text| text.chars().count()), Some(200));
    }
}
