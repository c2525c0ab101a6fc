//! What a file is, before anybody decodes it.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// The SHA-256 of a file's content, in hexadecimal.
pub(super) type Fingerprint = String;

/// The fingerprint of a file that may be an MP3; `None` if it is plainly something else. Its content
/// decides; its name only where there is no content to see.
pub(super) fn fingerprint(path: &Path) -> io::Result<Option<Fingerprint>> {
    const CHUNK: usize = 1 << 16;
    let mut file = File::open(path)?;
    let mut chunk = vec![0; CHUNK];
    let (mut hash, mut at_the_start) = (Sha256::new(), true);
    loop {
        let len = match file.read(&mut chunk) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let read = chunk.get(..len).unwrap_or_default();
        if at_the_start && !looks_like_mp3(read) && !is_named_mp3(path) {
            return Ok(None);
        }
        if len == 0 {
            return Ok(Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()));
        }
        at_the_start = false;
        hash.update(read);
    }
}

/// Whether it begins with an ID3 tag or an MPEG frame (11 bits set; layer III).
fn looks_like_mp3(start: &[u8]) -> bool {
    match start {
        [b'I', b'D', b'3', ..] => true,
        [0xff, second, ..] => second & 0xe6 == 0xe2,
        _ => false,
    }
}

fn is_named_mp3(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mp3"))
}

/// The picture that lies beside a file for all of its folder.
pub(super) fn cover_beside(path: &Path) -> Option<PathBuf> {
    const NAMES: [&str; 3] = ["cover", "folder", "front"];
    const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];
    let rank = |path: &Path| {
        let stem = path.file_stem()?.to_str()?.to_ascii_lowercase();
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        EXTENSIONS.contains(&extension.as_str()).then_some(())?;
        NAMES.iter().position(|name| *name == stem)
    };
    let files = path.parent()?.read_dir().ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        entry.file_type().ok()?.is_file().then(|| entry.path())
    });
    let ranked = files.filter_map(|path| Some((rank(&path)?, path)));
    ranked.min().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn content_decides_what_may_be_an_mp3() {
        let place = tempfile::tempdir().unwrap();
        for (name, content, candidate) in [
            ("tagged", &b"ID3\x04"[..], true),
            ("frames.dat", b"\xff\xfb\x90\x00", true),
            ("cover.jpg", b"\xff\xd8\xff\xe0", false),
            ("aac", b"\xff\xf1\x50", false),
            ("notes.txt", b"hello", false),
            ("empty", b"", false),
            ("empty.MP3", b"", true),
            ("fake.mp3", b"hello", true),
        ] {
            let path = place.path().join(name);
            fs::write(&path, content).unwrap();
            assert_eq!(fingerprint(&path).unwrap().is_some(), candidate, "{name}");
        }
        let known = fingerprint(&place.path().join("fake.mp3")).unwrap().unwrap();
        assert_eq!(known, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    }

    #[test]
    fn the_cover_of_a_folder_has_one_of_a_few_names() {
        let place = tempfile::tempdir().unwrap();
        let track = place.path().join("a.mp3");
        assert_eq!(cover_beside(&track), None);
        for (name, chosen) in [
            ("back.jpg", None),
            ("cover.gif", None),
            ("Folder.PNG", Some("Folder.PNG")),
            ("Cover.jpeg", Some("Cover.jpeg")),
        ] {
            fs::write(place.path().join(name), "").unwrap();
            assert_eq!(cover_beside(&track), chosen.map(|name| place.path().join(name)), "{name}");
        }
    }
}
