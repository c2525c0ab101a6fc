//! The header of an MPEG audio Layer III frame (ISO/IEC 11172-3, 2.4.2.3; 13818-3, 2.4.2.3).

/// What the four bytes before a frame say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    mpeg1: bool,
    /// In hertz.
    pub(super) sample_rate: u32,
    /// 1 or 2.
    pub(super) channels: u16,
    /// Of the whole frame, header included, in bytes.
    pub(super) size: u64,
}

impl FrameHeader {
    /// Size of the header itself in bytes.
    pub(super) const LEN: u64 = 4;

    /// Reads a header; `None` if this is none of Layer III, or of the free bit rate, which no
    /// common player supports.
    pub(super) fn parse(bytes: [u8; 4]) -> Option<Self> {
        const KBITS_MPEG1: [u64; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const KBITS_MPEG2: [u64; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        const LAYER_3: u32 = 0b01;

        let word = u32::from_be_bytes(bytes);
        if word >> 21 != 0x7FF || (word >> 17) & 0b11 != LAYER_3 {
            return None;
        }
        let (mpeg1, rate_divisor) = match (word >> 19) & 0b11 {
            0b11 => (true, 1),
            0b10 => (false, 2),
            0b00 => (false, 4),
            _ => return None,
        };
        let bit_rate_index = (word >> 12) as usize & 0xF;
        let kbits = *if mpeg1 { &KBITS_MPEG1 } else { &KBITS_MPEG2 }.get(bit_rate_index)?;
        let sample_rate = *[44_100, 48_000, 32_000].get((word >> 10) as usize & 0b11)? / rate_divisor;
        if kbits == 0 {
            return None;
        }
        let padding = u64::from((word >> 9) & 1);
        let channels = if (word >> 6) & 0b11 == 0b11 { 1 } else { 2 };
        let size = if mpeg1 { 144_000 } else { 72_000 } * kbits / u64::from(sample_rate) + padding;
        Some(Self { mpeg1, sample_rate, channels, size })
    }

    /// Samples of each channel in one frame.
    pub(super) fn samples(self) -> u64 {
        if self.mpeg1 { 1152 } else { 576 }
    }

    /// Where an encoder's `Xing` or `Info` header stands in the frame: right after the side
    /// information.
    pub(super) fn info_offset(self) -> u64 {
        Self::LEN
            + match (self.mpeg1, self.channels) {
                (true, 2) => 32,
                (true, _) | (false, 2) => 17,
                (false, _) => 9,
            }
    }

    /// Whether both can stand in one stream: only bit rate and padding may vary.
    pub(super) fn continues(self, first: Self) -> bool {
        (self.mpeg1, self.sample_rate, self.channels) == (first.mpeg1, first.sample_rate, first.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_headers_of_every_version() {
        for (bytes, sample_rate, channels, size, samples) in [
            ([0xFF, 0xFB, 0x90, 0x00], 44_100, 2, 417, 1152),
            ([0xFF, 0xFB, 0x92, 0x00], 44_100, 2, 418, 1152),
            ([0xFF, 0xFA, 0x90, 0xC0], 44_100, 1, 417, 1152),
            ([0xFF, 0xF3, 0x40, 0xC0], 22_050, 1, 104, 576),
            ([0xFF, 0xE3, 0x18, 0xC0], 8_000, 1, 72, 576),
        ] {
            let header = FrameHeader::parse(bytes).unwrap();
            assert_eq!((header.sample_rate, header.channels), (sample_rate, channels), "{bytes:x?}");
            assert_eq!((header.size, header.samples()), (size, samples), "{bytes:x?}");
        }
    }

    #[test]
    fn refuses_what_is_no_layer_3_header() {
        for bytes in [
            [0, 0, 0, 0],
            *b"PK\x03\x04",
            [0xFF, 0xD8, 0xFF, 0xE0], // JPEG
            [0xFF, 0xFD, 0x90, 0x00], // Layer II
            [0xFF, 0xF1, 0x50, 0x80], // AAC
            [0xFF, 0xFB, 0x00, 0x00], // free bit rate
            [0xFF, 0xFB, 0xF0, 0x00], // no bit rate
            [0xFF, 0xFB, 0x9C, 0x00], // no sample rate
            [0xFF, 0xEB, 0x90, 0x00], // no version
        ] {
            assert_eq!(FrameHeader::parse(bytes), None, "{bytes:x?}");
        }
    }
}
