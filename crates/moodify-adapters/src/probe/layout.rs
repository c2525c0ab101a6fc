//! Where everything stands in an MP3 file. Every byte must belong to a tag, a frame or zero
//! padding: a file that is also something else (ZIP, HTML, …) has bytes left over.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

use moodify_core::port::Rejection;

use super::fault::Fault;
use super::frame::FrameHeader;

/// Fewer frames than this (78 ms at 44.1 kHz) are more likely chance than sound.
const MIN_FRAMES: u64 = 3;

/// More than any honest writer leaves; they bound the work before the first frame.
const MAX_LEADING_TAGS: usize = 8;
const MAX_LEADING_ZEROS: u64 = 1 << 16;

/// The sound in an MP3 file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The first frame's header; all others agree in all but bit rate.
    pub(super) first: FrameHeader,
    /// The bytes of all frames with sound, without gaps.
    pub(super) audio: Range<u64>,
    /// How many frames there are in `audio`.
    pub(super) frames: u64,
}

impl Layout {
    /// Reads the layout of a file of `len` bytes.
    ///
    /// # Errors
    /// `Empty`; `UnsupportedType` if it does not begin like an MP3; `Damaged` if some byte has no
    /// place, a length lies, or frames are missing.
    pub(super) fn read(file: impl Read + Seek, len: u64) -> Result<Self, Fault> {
        if len == 0 {
            return Err(Rejection::Empty.into());
        }
        let mut bytes = Bytes { file: BufReader::with_capacity(1 << 16, file), pos: 0, len };
        let start = leading_tags_end(&mut bytes)?;
        let tagged = start > 0;
        let Some(first) = bytes.header(start)? else {
            return Err(if tagged { Rejection::Damaged } else { Rejection::UnsupportedType }.into());
        };
        let end = trailing_tags_start(&mut bytes, start)?;

        let info = encoder_info(&mut bytes, start, first)?;
        let audio_start = if info.is_some() { start + first.size } else { start };
        let (audio_end, frames) = walk(&mut bytes, audio_start..end, first)?;
        bytes.only_zeros(audio_end..end)?;
        if frames < MIN_FRAMES {
            return Err(Rejection::Damaged.into());
        }
        // Some programs cut a file without correcting the count: one per cent is forgiven.
        if info.flatten().is_some_and(|announced| u64::from(announced) > frames + 2 + frames / 100) {
            return Err(Rejection::Damaged.into());
        }
        Ok(Self { first, audio: audio_start..audio_end, frames })
    }

    /// Samples of each channel.
    pub(super) fn samples(&self) -> u64 {
        self.frames * self.first.samples()
    }
}

/// Goes from frame to frame; returns where the last one ends and how many there are.
fn walk<F: Read + Seek>(
    bytes: &mut Bytes<F>,
    within: Range<u64>,
    first: FrameHeader,
) -> Result<(u64, u64), Fault> {
    let (mut at, mut frames) = (within.start, 0);
    while at + FrameHeader::LEN <= within.end {
        let Some(header) = bytes.header(at)? else { break };
        if !header.continues(first) || at + header.size > within.end {
            return Err(Rejection::Damaged.into());
        }
        at += header.size;
        frames += 1;
    }
    Ok((at, frames))
}

/// Skips ID3v2 tags (id3.org, ID3v2.4 structure, 3.1) and the zeros some writers leave after them.
fn leading_tags_end<F: Read + Seek>(bytes: &mut Bytes<F>) -> Result<u64, Fault> {
    const FOOTER: u8 = 0x10;
    let mut at = 0;
    for _ in 0..MAX_LEADING_TAGS {
        let Some(header) = bytes.array::<10>(at)?.filter(|header| header.starts_with(b"ID3")) else { break };
        let footer = if header[5] & FOOTER == 0 { 0 } else { 10 };
        at += 10 + footer + syncsafe(&header[6..])?;
        if at > bytes.len {
            return Err(Rejection::Damaged.into());
        }
        let tag_end = at;
        while at < tag_end + MAX_LEADING_ZEROS && bytes.array(at)? == Some([0]) {
            at += 1;
        }
    }
    Ok(at)
}

/// Finds where the tags at the end begin: ID3v1 and its extension, APEv2, Lyrics3, ID3v2.4 with a
/// footer, in any order.
fn trailing_tags_start<F: Read + Seek>(bytes: &mut Bytes<F>, start: u64) -> Result<u64, Fault> {
    let mut end = bytes.len;
    for find in [id3v1, id3v1_extension, ape, lyrics3, ape, id3v2_footer] {
        if let Some(tag_start) = find(bytes, end)? {
            if tag_start < start {
                return Err(Rejection::Damaged.into());
            }
            end = tag_start;
        }
    }
    Ok(end)
}

fn id3v1<F: Read + Seek>(bytes: &mut Bytes<F>, end: u64) -> Result<Option<u64>, Fault> {
    bytes.marked(end, 128, b"TAG")
}

fn id3v1_extension<F: Read + Seek>(bytes: &mut Bytes<F>, end: u64) -> Result<Option<u64>, Fault> {
    bytes.marked(end, 227, b"TAG+")
}

/// APEv2 (wiki.hydrogenaudio.org, APE Tags Header): the size counts the footer, not the header.
fn ape<F: Read + Seek>(bytes: &mut Bytes<F>, end: u64) -> Result<Option<u64>, Fault> {
    const HAS_HEADER: u32 = 1 << 31;
    let Some(footer_at) = bytes.marked(end, 32, b"APETAGEX")? else { return Ok(None) };
    let word = |bytes: Option<[u8; 4]>| u32::from_le_bytes(bytes.unwrap_or_default());
    let size = word(bytes.array(footer_at + 12)?);
    let header = if word(bytes.array(footer_at + 20)?) & HAS_HEADER == 0 { 0 } else { 32 };
    let start = end.checked_sub(u64::from(size) + header).ok_or(Rejection::Damaged)?;
    if size < 32 || (header > 0 && bytes.array(start)? != Some(*b"APETAGEX")) {
        return Err(Rejection::Damaged.into());
    }
    Ok(Some(start))
}

/// Lyrics3v2 (id3.org, Lyrics3v2): six digits and the end mark after the counted bytes.
fn lyrics3<F: Read + Seek>(bytes: &mut Bytes<F>, end: u64) -> Result<Option<u64>, Fault> {
    let Some(mark_at) = bytes.marked(end, 9, b"LYRICS200")? else { return Ok(None) };
    let digits = mark_at.checked_sub(6).map(|at| bytes.array::<6>(at)).transpose()?.flatten();
    let size = digits.and_then(|digits| std::str::from_utf8(&digits).ok()?.parse::<u64>().ok());
    let start = size.and_then(|size| (mark_at - 6).checked_sub(size)).ok_or(Rejection::Damaged)?;
    if bytes.array(start)? != Some(*b"LYRICSBEGIN") {
        return Err(Rejection::Damaged.into());
    }
    Ok(Some(start))
}

/// ID3v2.4 structure, 3.4.
fn id3v2_footer<F: Read + Seek>(bytes: &mut Bytes<F>, end: u64) -> Result<Option<u64>, Fault> {
    let Some(footer_at) = bytes.marked(end, 10, b"3DI")? else { return Ok(None) };
    let footer = bytes.array::<10>(footer_at)?.unwrap_or_default();
    let start = end.checked_sub(20 + syncsafe(&footer[6..])?).ok_or(Rejection::Damaged)?;
    if bytes.array(start)? != Some(*b"ID3") {
        return Err(Rejection::Damaged.into());
    }
    Ok(Some(start))
}

/// A number of 28 bits in four bytes whose top bits are clear.
fn syncsafe(bytes: &[u8]) -> Result<u64, Fault> {
    bytes.iter().try_fold(0, |sum, &byte| {
        if byte < 0x80 { Ok(sum << 7 | u64::from(byte)) } else { Err(Rejection::Damaged.into()) }
    })
}

/// Whether the first frame is an encoder's own header instead of sound, and how many frames it
/// announces.
fn encoder_info<F: Read + Seek>(
    bytes: &mut Bytes<F>,
    at: u64,
    first: FrameHeader,
) -> Result<Option<Option<u32>>, Fault> {
    const HAS_FRAMES: u32 = 1;
    // Fraunhofer's header stands behind 32 bytes whatever the channels; its count behind 14 more.
    if bytes.array(at + FrameHeader::LEN + 32)? == Some(*b"VBRI") {
        let announced = bytes.array(at + FrameHeader::LEN + 32 + 14)?;
        return Ok(Some(announced.map(u32::from_be_bytes)));
    }
    let info_at = at + first.info_offset();
    if !matches!(bytes.array(info_at)?, Some([b'X', b'i', b'n', b'g'] | [b'I', b'n', b'f', b'o'])) {
        return Ok(None);
    }
    let flags = bytes.array(info_at + 4)?.map_or(0, u32::from_be_bytes);
    if flags & HAS_FRAMES == 0 {
        return Ok(Some(None));
    }
    Ok(Some(bytes.array(info_at + 8)?.map(u32::from_be_bytes)))
}

/// A file read at places, mostly forward.
struct Bytes<F> {
    file: BufReader<F>,
    pos: u64,
    len: u64,
}

impl<F: Read + Seek> Bytes<F> {
    /// The bytes at `at`; `None` past the end.
    fn array<const N: usize>(&mut self, at: u64) -> Result<Option<[u8; N]>, Fault> {
        if at.checked_add(N as u64).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        let mut bytes = [0; N];
        self.move_to(at)?;
        self.file.read_exact(&mut bytes)?;
        self.pos = at + N as u64;
        Ok(Some(bytes))
    }

    fn header(&mut self, at: u64) -> Result<Option<FrameHeader>, Fault> {
        Ok(self.array(at)?.and_then(FrameHeader::parse))
    }

    /// The place `back` bytes before `end`, if this mark stands there.
    fn marked(&mut self, end: u64, back: u64, mark: &[u8]) -> Result<Option<u64>, Fault> {
        let Some(at) = end.checked_sub(back) else { return Ok(None) };
        self.move_to(at)?;
        let mut found = Vec::with_capacity(mark.len());
        self.file.by_ref().take(mark.len() as u64).read_to_end(&mut found)?;
        self.pos = at + found.len() as u64;
        Ok((found == mark).then_some(at))
    }

    fn only_zeros(&mut self, range: Range<u64>) -> Result<(), Fault> {
        self.move_to(range.start)?;
        let mut rest = self.file.by_ref().take(range.end - range.start);
        let mut chunk = [0; 4096];
        loop {
            match rest.read(&mut chunk)? {
                0 => break,
                n if chunk[..n].iter().all(|&byte| byte == 0) => {}
                _ => return Err(Rejection::Damaged.into()),
            }
        }
        self.pos = range.end;
        Ok(())
    }

    // Relative: an absolute seek would throw the buffer away.
    fn move_to(&mut self, at: u64) -> Result<(), Fault> {
        match i64::try_from(i128::from(at) - i128::from(self.pos)) {
            Ok(by) => self.file.seek_relative(by)?,
            Err(_) => drop(self.file.seek(SeekFrom::Start(at))?),
        }
        self.pos = at;
        Ok(())
    }
}
