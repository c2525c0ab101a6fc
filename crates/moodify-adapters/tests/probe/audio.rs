use moodify_core::port::{AudioInfo, Rejection};

use crate::fixture::{probes, read, rejection, sample};

const PLAIN: &str = "cbr-mono-untagged.mp3";
const TAGGED: &str = "cbr-stereo-id3v23.mp3";

#[tokio::test]
async fn real_encoders_files_are_accepted_with_exact_durations() {
    // From examples/media/README.md, where ffprobe measured them.
    let samples = [
        (TAGGED, 6034, 44_100, 2, Some("Paper Lanterns"), Some("Folk")),
        ("vbr-stereo-id3v24-cover.mp3", 5538, 44_100, 2, Some("Slow Tide"), Some("Ambient")),
        ("cbr-mono-id3v1.mp3", 5068, 22_050, 1, Some("Tin Robot Waltz"), Some("Game")),
        (PLAIN, 4049, 44_100, 1, None, None),
        ("vbr-mono-unicode.mp3", 7032, 48_000, 1, Some("Café à l’aube – 夜明けの歌"), Some("World")),
    ];
    for fixture in probes() {
        for (name, duration_ms, sample_rate, channels, title, genre) in samples {
            let file = sample(name);
            let probed = fixture.audio(&file).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(probed.info, AudioInfo { duration_ms, sample_rate, channels }, "{name}");
            assert_eq!(probed.tags.title.as_deref(), title, "{name}");
            assert_eq!(probed.tags.genre.as_deref(), genre, "{name}");
            let cover = name.contains("cover").then(|| sample("cover.jpg"));
            assert!(probed.tags.cover.as_deref() == cover.as_deref(), "{name}: the cover differs");
            assert_eq!(probed.staged.len(), file.len() as u64);
            assert!(read(&*probed.staged).await == file, "{name}: the staged file differs");
            drop(probed);
            fixture.assert_nothing_staged();
        }
    }
}

#[tokio::test]
async fn hostile_and_broken_files_are_refused() {
    use Rejection::{Damaged, Empty, UnsupportedType};

    let plain = sample(PLAIN);
    let tagged = sample(TAGGED);
    let half = |file: &[u8]| file[..file.len() / 2].to_vec();
    let with = |at: usize, bytes: &[u8], file: &[u8]| {
        let mut file = file.to_vec();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let zip = b"PK\x03\x04\x14\0\0\0\0\0evil";
    let ape = |size: u32| {
        let mut footer = b"APETAGEX\xD0\x07\0\0".to_vec();
        footer.extend(size.to_le_bytes());
        footer.extend([0; 16]);
        footer
    };
    let frames = &plain[plain.len() / 2..];
    let cases: Vec<(&str, Vec<u8>, Rejection)> = vec![
        ("empty", vec![], Empty),
        ("one byte", vec![0xFF], UnsupportedType),
        ("zeros", vec![0; 100_000], UnsupportedType),
        ("sync bytes only", vec![0xFF; 100_000], UnsupportedType),
        ("HTML", b"<!doctype html><script>alert(1)</script>".repeat(100), UnsupportedType),
        ("ZIP", zip.repeat(100), UnsupportedType),
        ("JPEG", sample("cover.jpg"), UnsupportedType),
        ("PNG", sample("cover.png"), UnsupportedType),
        ("WAV", [b"RIFF\x24\x08\0\0WAVEfmt ".as_slice(), &[0; 4000]].concat(), UnsupportedType),
        ("Ogg", [b"OggS\0\x02".as_slice(), &[0; 4000]].concat(), UnsupportedType),
        ("FLAC", [b"fLaC\0\0\0\x22".as_slice(), &[0; 4000]].concat(), UnsupportedType),
        ("AAC", [[0xFF, 0xF1, 0x50, 0x80].as_slice(), &[0; 4000]].concat(), UnsupportedType),
        ("junk before the sound", [b"junk".as_slice(), &plain].concat(), UnsupportedType),
        ("ZIP before the sound", [zip.as_slice(), &plain].concat(), UnsupportedType),
        ("half, no frame count", half(&plain), Damaged),
        ("half, with frame count", half(&tagged), Damaged),
        ("cut at a frame's border", cut_at_a_frame(&tagged), Damaged),
        ("one byte short", plain[..plain.len() - 1].to_vec(), Damaged),
        ("ZIP behind the sound", [plain.as_slice(), zip].concat(), Damaged),
        ("ZIP behind tagged sound", [tagged.as_slice(), zip].concat(), Damaged),
        ("HTML behind the sound", [plain.as_slice(), b"<script>alert(1)</script>"].concat(), Damaged),
        ("ZIP, then an ID3v1 tag", [plain.as_slice(), zip, b"TAG", &[0; 125]].concat(), Damaged),
        ("ZIP behind padding", [plain.as_slice(), &[0; 1000], zip].concat(), Damaged),
        ("half a frame behind the sound", [plain.as_slice(), &plain[..100]].concat(), Damaged),
        ("another stream behind it", [plain.as_slice(), &sample("cbr-mono-id3v1.mp3")].concat(), Damaged),
        ("ID3 longer than the file", with(6, &[0x7F; 4], &tagged), Damaged),
        ("ID3 of impossible length", with(6, &[0xFF; 4], &tagged), Damaged),
        ("ID3 too short", with(6, &[0, 0, 0, 1], &tagged), Damaged),
        ("ID3 into the sound", with(6, &[0, 1, 0, 0], &tagged), Damaged),
        ("ID3 and nothing", tagged[..200].to_vec(), Damaged),
        ("APE longer than the file", [plain.as_slice(), &ape(u32::MAX)].concat(), Damaged),
        ("APE of no length", [plain.as_slice(), &ape(0)].concat(), Damaged),
        ("Lyrics3 of a false length", [plain.as_slice(), b"999999LYRICS200"].concat(), Damaged),
        ("noise in the middle", with(plain.len() / 2, &noise(3000), &plain), Damaged),
        ("zeros in the middle", with(plain.len() / 2, &[0; 3000], &plain), Damaged),
        ("one frame", plain[..208].to_vec(), Damaged),
        ("starts within a frame", frames.to_vec(), UnsupportedType),
    ];
    for fixture in probes() {
        for (name, file, expected) in &cases {
            assert_eq!(rejection(fixture.audio(file).await), *expected, "{}: {name}", fixture.name);
        }
    }
}

#[tokio::test]
async fn noise_inside_frames_is_found_by_decoding() {
    // The frames' headers stay: only a decoder can tell.
    let mut file = sample(PLAIN);
    let mut at = 0;
    while at + 208 <= file.len() {
        let size = if file[at + 2] & 2 == 0 { 208 } else { 209 };
        let noise = noise(size - 4);
        file[at + 4..at + size].copy_from_slice(&noise);
        at += size;
    }
    for fixture in probes() {
        assert_eq!(rejection(fixture.audio(&file).await), Rejection::Damaged, "{}", fixture.name);
    }
}

#[tokio::test]
async fn every_usual_tag_at_the_end_is_no_junk() {
    let plain = sample(PLAIN);
    let ape = [b"APETAGEX\xD0\x07\0\0\x20\0\0\0".as_slice(), &[0; 16]].concat();
    let id3v1 = [b"TAG".as_slice(), &[b'x'; 125]].concat();
    let lyrics = b"LYRICSBEGININD0000200000021LYRICS200";
    let id3v2 = [b"ID3\x04\0\x10\0\0\0\x05".as_slice(), &[0; 5], b"3DI\x04\0\x10\0\0\0\x05"].concat();
    for fixture in probes() {
        for (name, tail) in [
            ("zeros", vec![0; 5000]),
            ("APE", ape.clone()),
            ("ID3v1", id3v1.clone()),
            ("APE, ID3v1", [ape.as_slice(), &id3v1].concat()),
            ("ID3v2 with footer", id3v2.clone()),
            ("padding, Lyrics3, ID3v1", [&[0; 99], lyrics.as_slice(), &id3v1].concat()),
        ] {
            let file = [plain.as_slice(), &tail].concat();
            let probed = fixture.audio(&file).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(probed.info.duration_ms, 4049, "{name}");
        }
    }
}

#[tokio::test]
async fn a_broken_tag_fails_no_good_sound() {
    let plain = sample(PLAIN);
    let tag = |frames: &[u8]| {
        let len = u32::try_from(frames.len()).unwrap();
        let size = [21, 14, 7, 0].map(|shift| u8::try_from((len >> shift) & 0x7F).unwrap());
        [b"ID3\x04\0\0".as_slice(), &size, frames, &plain].concat()
    };
    for fixture in probes() {
        for (name, frames) in [
            ("frame longer than the tag", b"TIT2\x7F\x7F\x7F\x7F\0\0\x03Title".to_vec()),
            ("frame without a name", b"\xFF\xFF\xFF\xFF\0\0\0\x01\0\0x".to_vec()),
            ("invalid UTF-8", b"TIT2\0\0\0\x04\0\0\x03\xFF\xFE\xFD".to_vec()),
            ("noise", noise(4000)),
            ("a compressed frame that is none", b"TIT2\0\0\0\x08\0\x09\0\0\0\x04nope".to_vec()),
        ] {
            let probed = fixture.audio(&tag(&frames)).await;
            let probed = probed.unwrap_or_else(|error| panic!("{}: {name}: {error:?}", fixture.name));
            assert_eq!(probed.info.duration_ms, 4049, "{name}");
        }
        let long = [b"TIT2\0\x01\0\0\0\0\x03".as_slice(), &[b'x'; 16_383]].concat();
        let probed = fixture.audio(&tag(&long)).await.unwrap();
        assert_eq!(probed.tags.title.map(|title| title.len()), Some(200));
    }
}

/// Bytes without a pattern; the same every time.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// The first half of a 128 kbit/s file at 44.1 kHz, without a torn frame.
fn cut_at_a_frame(file: &[u8]) -> Vec<u8> {
    let tag = file[6..10].iter().fold(0, |size, &byte| size << 7 | usize::from(byte)) + 10;
    let mut at = tag;
    while at < file.len() / 2 {
        at += if file[at + 2] & 2 == 0 { 417 } else { 418 };
    }
    file[..at].to_vec()
}
