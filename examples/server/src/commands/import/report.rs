//! What came of it.

use std::io::{self, StdoutLock, Write};

use moodify_core::model::TrackId;
use serde::Serialize;

use crate::failure::Failure;

/// One file and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// What came of a file.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It is a track now.
    Imported { track_id: TrackId, title: String },
    /// It would be one, had this not been a trial.
    WouldImport,
    /// It is not.
    Skipped { reason: Reason, detail: String },
}

/// Why a file became no track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    /// It is a link or a device.
    NotAFile,
    /// It is something else.
    NotMp3,
    /// An earlier run has imported this content.
    AlreadyImported,
    /// An earlier run has imported this content, and the artist has deleted the track since.
    DeletedSince,
    /// Another file of this run has the same content.
    Duplicate,
    /// The system does not let it be read.
    Unreadable,
    /// It is larger than an upload may be.
    TooLarge,
    /// It is broken, or not what its name says.
    Refused,
}

impl Reason {
    /// Whether somebody would have expected a track.
    fn is_a_failure(self) -> bool {
        matches!(self, Self::Unreadable | Self::TooLarge | Self::Refused)
    }
}

impl Outcome {
    /// In a few words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Imported { title, .. } => format!("imported as \"{title}\""),
            Self::WouldImport => "would be imported".to_owned(),
            Self::Skipped { detail, .. } => format!("skipped: {detail}"),
        }
    }

    fn failed(&self) -> bool {
        matches!(self, Self::Skipped { reason, .. } if reason.is_a_failure())
    }
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    dry_run: bool,
    imported: usize,
    skipped: usize,
    failed: usize,
    files: Vec<Entry>,
}

impl Report {
    pub(super) fn new(dry_run: bool, left_out: Vec<Entry>) -> Self {
        let mut report = Self { dry_run, imported: 0, skipped: 0, failed: 0, files: Vec::new() };
        left_out.into_iter().for_each(|entry| report.add(entry));
        report
    }

    pub(super) fn add(&mut self, entry: Entry) {
        match &entry.outcome {
            Outcome::Imported { .. } | Outcome::WouldImport => self.imported += 1,
            outcome if outcome.failed() => self.failed += 1,
            Outcome::Skipped { .. } => self.skipped += 1,
        }
        self.files.push(entry);
    }

    /// Writes it to standard output.
    ///
    /// # Errors
    /// If nobody reads it.
    pub(super) fn print(&mut self, json: bool) -> Result<(), Failure> {
        self.files.sort_by(|one, other| one.path.cmp(&other.path));
        write(json, self, |out| self.text(out))
    }

    fn text(&self, out: &mut StdoutLock<'_>) -> io::Result<()> {
        for Entry { path, outcome } in &self.files {
            if matches!(outcome, Outcome::Skipped { .. }) {
                writeln!(out, "{path}: {}", outcome.words())?;
            }
        }
        let Self { dry_run, imported, skipped, failed, .. } = self;
        let verb = if *dry_run { "would be imported" } else { "imported" };
        writeln!(out, "{imported} {verb}, {skipped} skipped, {failed} failed.")
    }

    /// A failure if an MP3 did not come in.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match self.failed {
            0 => Ok(()),
            1 => Err(failed("one file was not imported")),
            failed_files => Err(failed(&format!("{failed_files} files were not imported"))),
        }
    }
}

/// Writes a report to standard output, as JSON or in words.
///
/// # Errors
/// If nobody reads it.
pub(in crate::commands) fn write(
    json: bool,
    report: &impl Serialize,
    in_words: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = if json {
        serde_json::to_writer_pretty(&mut out, report).map_err(io::Error::from).and_then(|()| writeln!(out))
    } else {
        in_words(&mut out)
    };
    written.map_err(|error| {
        Failure::new(format!("the report cannot be written: {error}"), "what is imported is so all the same")
    })
}

fn failed(what: &str) -> Failure {
    Failure::new(what, "the report says why; mend them and start it again: the others are not imported twice")
}
