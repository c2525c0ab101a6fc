//! Is it one MP3 that decodes from start to end?

use std::io::{BufReader, Read, Seek, SeekFrom};

use moodify_core::port::{AudioInfo, Rejection};
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::MpaDecoder;

use super::fault::Fault;
use super::frame::FrameHeader;
use super::layout::Layout;
use super::limits::ProbeLimits;

/// Frames decoded in one go where a file is too long to decode whole: 26 s at 44.1 kHz.
const STRETCH_FRAMES: u64 = 1000;

/// Looks at a file of `len` bytes.
pub(super) fn inspect(
    mut file: impl Read + Seek,
    len: u64,
    limits: &ProbeLimits,
) -> Result<AudioInfo, Fault> {
    let layout = Layout::read(&mut file, len)?;
    let sample_rate = u64::from(layout.first.sample_rate);
    let duration_ms = (layout.samples() * 1000 + sample_rate / 2) / sample_rate;
    if u128::from(duration_ms) > limits.max_duration.as_millis() {
        return Err(Rejection::LimitExceeded.into());
    }
    let info = AudioInfo {
        duration_ms: u32::try_from(duration_ms).map_err(|_| Rejection::LimitExceeded)?,
        sample_rate: layout.first.sample_rate,
        channels: layout.first.channels,
    };
    let budget = limits.decoded.as_secs().saturating_mul(sample_rate) / layout.first.samples();
    decode(file, &layout, budget)?;
    Ok(info)
}

/// Decodes every frame, or evenly spread stretches of at most `budget` frames together.
fn decode(mut file: impl Read + Seek, layout: &Layout, budget: u64) -> Result<(), Fault> {
    let mut params = AudioCodecParameters::new();
    params.for_codec(CODEC_ID_MP3);
    let mut decoder = MpaDecoder::try_new(&params, &AudioDecoderOptions::default().gapless(false))
        .map_err(std::io::Error::other)?;

    file.seek(SeekFrom::Start(layout.audio.start))?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    // One stretch of every `stride` is decoded.
    let stride = layout.frames.div_ceil(budget.max(1));
    let mut frame = Vec::new();
    for number in 0..layout.frames {
        let header = read_frame(&mut file, &mut frame)?;
        let stretch = number / STRETCH_FRAMES;
        if !stretch.is_multiple_of(stride) {
            continue;
        }
        if stride > 1 && number.is_multiple_of(STRETCH_FRAMES) {
            decoder.reset();
        }
        decode_frame(&mut decoder, header, &frame)?;
    }
    Ok(())
}

fn read_frame(file: &mut impl Read, frame: &mut Vec<u8>) -> Result<FrameHeader, Fault> {
    let mut bytes = [0; FrameHeader::LEN as usize];
    file.read_exact(&mut bytes)?;
    let header = FrameHeader::parse(bytes).ok_or(Rejection::Damaged)?;
    frame.clear();
    frame.extend_from_slice(&bytes);
    let rest = header.size - FrameHeader::LEN;
    if file.take(rest).read_to_end(frame)? as u64 != rest {
        return Err(Rejection::Damaged.into());
    }
    Ok(header)
}

fn decode_frame(decoder: &mut MpaDecoder, header: FrameHeader, frame: &[u8]) -> Result<(), Fault> {
    let packet = PacketRef::new(0, Timestamp::ZERO, Duration::from(header.samples()), frame);
    match decoder.decode_ref(&packet) {
        Ok(decoded) if decoded.frames() as u64 == header.samples() => Ok(()),
        Ok(_) | Err(_) => Err(Rejection::Damaged.into()),
    }
}
