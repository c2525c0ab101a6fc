//! What was imported: so that nothing is imported twice, whenever the program dies.
//!
//! Before a thing is made its identifier can be written down, with what it is made of: a file's content, an
//! old document. After a crash that identifier tells whether it was made: the database knows.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{config::Settings, failure::Failure, lock::private_folder};

/// A file of lines that are only ever added to; of things with this kind of identifier.
pub(in crate::commands) struct Journal<Id>(Mutex<Inner<Id>>);

struct Inner<Id> {
    /// None of a trial.
    file: Option<File>,
    known: HashMap<String, Known<Id>>,
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Known<Id> {
    /// Somebody is at it in this run.
    Claimed,
    /// This was about to be made of it when the program died.
    Begun(Id),
    /// It became this.
    Done(Id),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Line<Id> {
    // The names in files of before other things than tracks were imported.
    Begun {
        #[serde(alias = "content")]
        of: String,
        #[serde(alias = "track")]
        id: Id,
    },
    Done {
        #[serde(alias = "content")]
        of: String,
        #[serde(alias = "track")]
        id: Id,
    },
}

impl<Id: Copy + Serialize + DeserializeOwned> Journal<Id> {
    /// The journal of this name among the server's data. A trial reads it, and writes none.
    pub(in crate::commands) fn of(settings: &Settings, name: &str, trial: bool) -> Result<Self, Failure> {
        let path = settings.data.join("imports").join(format!("{name}.jsonl"));
        let opened = if trial { Self::read(&path) } else { Self::open(&path) };
        opened.map_err(|error| {
            Failure::new(
                format!("{} cannot be used: {error}", path.display()),
                "make it a place that this user may write to, or name another one with --data",
            )
        })
    }

    /// Opens a journal, made if missing. A last line that a crash cut off is dropped.
    fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = whole_lines(&text);
        file.set_len(whole.len() as u64)?;
        file.seek(io::SeekFrom::End(0))?;
        Ok(Self(Mutex::new(Inner { file: Some(file), known: known(whole) })))
    }

    /// What a journal says, if there is one; what is added is forgotten.
    fn read(path: &Path) -> io::Result<Self> {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        Ok(Self(Mutex::new(Inner { file: None, known: known(whole_lines(&text)) })))
    }

    /// What is known of this; from now on it is claimed, unless it is done.
    pub(in crate::commands) fn claim(&self, of: &str) -> Option<Known<Id>> {
        let known = &mut self.inner().known;
        let before = known.get(of).copied();
        if !matches!(before, Some(Known::Done(_))) {
            known.insert(of.to_owned(), Known::Claimed);
        }
        before
    }

    /// This is about to be made of it. Durable when it returns.
    pub(super) fn begin(&self, of: &str, id: Id) -> io::Result<()> {
        self.inner().write(&Line::Begun { of: of.to_owned(), id })
    }

    /// It has been.
    pub(in crate::commands) fn done(&self, of: &str, id: Id) -> io::Result<()> {
        let mut inner = self.inner();
        inner.known.insert(of.to_owned(), Known::Done(id));
        inner.write(&Line::Done { of: of.to_owned(), id })
    }

    fn inner(&self) -> MutexGuard<'_, Inner<Id>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Id: Serialize> Inner<Id> {
    fn write(&mut self, line: &Line<Id>) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_data()
    }
}

fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    text.get(..end).unwrap_or_default()
}

fn known<Id: DeserializeOwned>(lines: &[u8]) -> HashMap<String, Known<Id>> {
    let mut known = HashMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        // A line of a newer version: what it tells is not known here.
        match serde_json::from_slice(line) {
            Ok(Line::Begun { of, id }) => known.insert(of, Known::Begun(id)),
            Ok(Line::Done { of, id }) => known.insert(of, Known::Done(id)),
            Err(_) => None,
        };
    }
    known
}

#[cfg(test)]
mod tests {
    use std::fs;

    use moodify_core::model::TrackId;

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

    #[test]
    fn lines_of_before_are_read_and_a_trial_writes_none() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("nina.jsonl");
        let id = track(1);
        fs::write(&path, format!("{{\"step\":\"done\",\"content\":\"11\",\"track\":\"{id}\"}}\n")).unwrap();
        let before = fs::read(&path).unwrap();
        let trial = Journal::<TrackId>::read(&path).unwrap();
        assert_eq!(trial.claim("11"), Some(Known::Done(id)));
        trial.done("22", track(2)).unwrap();
        assert_eq!(trial.claim("22"), Some(Known::Done(track(2))), "for as long as it runs");
        assert_eq!(fs::read(&path).unwrap(), before);
        let missing = place.path().join("missing/ada.jsonl");
        assert_eq!(Journal::<TrackId>::read(&missing).unwrap().claim("11"), None);
        assert!(!missing.parent().unwrap().exists());
    }
}
