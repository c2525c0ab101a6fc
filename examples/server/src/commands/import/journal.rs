//! What of an artist's music was imported: so that no file is imported twice, whenever the program
//! dies.
//!
//! Before a track is made its identifier is written down, with the content that it stands for. After
//! a crash that identifier tells whether the track was made: the catalogue knows.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use moodify_core::model::TrackId;
use serde::{Deserialize, Serialize};

use super::candidate::Fingerprint;
use crate::lock::private_folder;

/// A file of lines that are only ever added to.
pub(super) struct Journal(Mutex<Inner>);

struct Inner {
    file: File,
    known: HashMap<Fingerprint, Known>,
}

/// What became of some content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Somebody is at it in this run.
    Claimed,
    /// This track was about to be made when the program died.
    Begun(TrackId),
    /// It became this track.
    Done(TrackId),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Line {
    Begun { content: Fingerprint, track: TrackId },
    Done { content: Fingerprint, track: TrackId },
}

impl Journal {
    /// Opens a journal, made if missing. A last line that a crash cut off is dropped.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        file.seek(io::SeekFrom::End(0))?;
        let mut known = HashMap::new();
        for line in text.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n') {
            // A line of a newer version: what it tells is not known here.
            match serde_json::from_slice(line) {
                Ok(Line::Begun { content, track }) => known.insert(content, Known::Begun(track)),
                Ok(Line::Done { content, track }) => known.insert(content, Known::Done(track)),
                Err(_) => None,
            };
        }
        Ok(Self(Mutex::new(Inner { file, known })))
    }

    /// What is known of this content; from now on it is claimed, unless it is done.
    pub(super) fn claim(&self, content: &Fingerprint) -> Option<Known> {
        let known = &mut self.inner().known;
        let before = known.get(content).copied();
        if !matches!(before, Some(Known::Done(_))) {
            known.insert(content.clone(), Known::Claimed);
        }
        before
    }

    /// This content is about to become this track. Durable when it returns.
    pub(super) fn begin(&self, content: &Fingerprint, track: TrackId) -> io::Result<()> {
        self.inner().write(&Line::Begun { content: content.clone(), track })
    }

    /// It has.
    pub(super) fn done(&self, content: &Fingerprint, track: TrackId) -> io::Result<()> {
        let mut inner = self.inner();
        inner.known.insert(content.clone(), Known::Done(track));
        inner.write(&Line::Done { content: content.clone(), track })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn track(number: u8) -> TrackId {
        format!("019b76da-a800-7000-8000-0000000000{number:02}").parse().unwrap()
    }

    #[test]
    fn remembers_over_a_crash_at_any_byte() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("imports/nina.jsonl");
        let (one, two) = ("11".to_owned(), "22".to_owned());
        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.claim(&one), None);
        assert_eq!(journal.claim(&one), Some(Known::Claimed), "somebody else in this run");
        journal.begin(&one, track(1)).unwrap();
        journal.done(&one, track(1)).unwrap();
        journal.begin(&two, track(2)).unwrap();
        assert_eq!(journal.claim(&one), Some(Known::Done(track(1))));
        drop(journal);
        let whole = fs::read(&path).unwrap();
        let lines = |len: usize| whole[..len].iter().filter(|byte| **byte == b'\n').count();
        for len in 0..=whole.len() {
            fs::write(&path, &whole[..len]).unwrap();
            let journal = Journal::open(&path).unwrap();
            let (first, second) = match lines(len) {
                0 => (None, None),
                1 => (Some(Known::Begun(track(1))), None),
                2 => (Some(Known::Done(track(1))), None),
                _ => (Some(Known::Done(track(1))), Some(Known::Begun(track(2)))),
            };
            assert_eq!((journal.claim(&one), journal.claim(&two)), (first, second), "{len}");
            journal.done(&two, track(3)).unwrap();
            drop(journal);
            let journal = Journal::open(&path).unwrap();
            assert_eq!(journal.claim(&two), Some(Known::Done(track(3))), "what follows stands alone: {len}");
        }
    }
}
