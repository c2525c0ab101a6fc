//! One file, from the disk into the catalogue.

use std::{
    io,
    path::{Path, PathBuf},
};

use futures::StreamExt;
use moodify_core::{
    Error, Moodify,
    model::{ByteStream, Caller, Title, TrackId, TrackStatus, Visibility},
    service::catalog::{Upload, UploadFields},
};
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use super::{
    candidate::{self, Fingerprint},
    journal::{Journal, Known},
    report::{Outcome, Reason},
};

/// Larger pieces than the default, for whole files.
const CHUNK: usize = 1 << 16;

pub(super) struct Importer {
    pub(super) moodify: Moodify,
    pub(super) artist: Caller,
    pub(super) journal: Journal<TrackId>,
    pub(super) root: PathBuf,
    pub(super) visibility: Visibility,
    pub(super) dry_run: bool,
}

impl Importer {
    /// Imports one file, unless it is nothing to import.
    ///
    /// # Errors
    /// If a part does not work: then the next file would fare no better.
    pub(super) async fn import(&self, path: &Path) -> Result<Outcome, Error> {
        let looked_at = {
            let path = path.to_owned();
            tokio::task::spawn_blocking(move || candidate::fingerprint(&path))
                .await
                .map_err(Error::internal)?
        };
        let content = match looked_at {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(skipped(Reason::NotMp3, "not an MP3 file")),
            Err(error) => return Ok(skipped(Reason::Unreadable, error.to_string())),
        };
        if let Some(outcome) = self.already(&content).await? {
            return Ok(outcome);
        }
        let mut upload = self.moodify.catalog().begin_upload(&self.artist)?;
        match self.audio(&mut upload, path).await {
            Ok(()) if self.dry_run => Ok(Outcome::WouldImport),
            Ok(()) => self.store(upload, path, &content).await,
            Err(error) => refused(error),
        }
    }

    /// What to say of content that was imported before.
    async fn already(&self, content: &Fingerprint) -> Result<Option<Outcome>, Error> {
        let imported = || Some(skipped(Reason::AlreadyImported, "imported before"));
        Ok(match self.journal.claim(content) {
            None => None,
            Some(Known::Claimed) => Some(skipped(Reason::Duplicate, "another file has the same content")),
            Some(Known::Done(track)) if self.status(track).await?.is_some() => imported(),
            Some(Known::Done(_)) => Some(skipped(Reason::DeletedSince, "imported before, and deleted since")),
            Some(Known::Begun(track)) => match self.status(track).await? {
                Some(TrackStatus::Ready) => {
                    self.journal.done(content, track).map_err(Error::internal)?;
                    imported()
                }
                Some(_) if !self.dry_run => {
                    // Half done when the program died.
                    self.moodify.catalog().delete_track(&self.artist, track, None).await?;
                    None
                }
                _ => None,
            },
        })
    }

    async fn status(&self, track: TrackId) -> Result<Option<TrackStatus>, Error> {
        match self.moodify.catalog().track(&self.artist, track).await {
            Ok(view) => Ok(Some(view.track.status)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn audio(&self, upload: &mut Upload, path: &Path) -> Result<(), Error> {
        upload.audio(body(path).await.map_err(Error::Body)?).await
    }

    async fn store(&self, mut upload: Upload, path: &Path, content: &Fingerprint) -> Result<Outcome, Error> {
        if !upload.tagged_cover().await? {
            self.cover_beside(&mut upload, path).await?;
        }
        // A file has a name in any case.
        let named = || path.file_stem().and_then(|stem| Title::parse(&stem.to_string_lossy()).ok());
        let title = upload.tagged_title().or_else(named);
        let fields = UploadFields { title, genre: None, visibility: self.visibility };
        let track = self.moodify.context().new_id();
        self.journal.begin(content, track).map_err(Error::internal)?;
        let stored = match upload.finish_as(track, fields).await {
            Ok(stored) => stored,
            Err(error) => return refused(error),
        };
        self.journal.done(content, track).map_err(Error::internal)?;
        Ok(Outcome::Imported { track_id: track, title: stored.track.title.to_string() })
    }

    /// A cover that is no good, or not there any more, is no reason to leave the music out.
    async fn cover_beside(&self, upload: &mut Upload, path: &Path) -> Result<(), Error> {
        let Some(picture) = candidate::cover_beside(path) else { return Ok(()) };
        let taken = match body(&picture).await {
            Ok(body) => upload.cover(body).await,
            Err(error) => Err(Error::Body(error)),
        };
        match taken {
            Err(error @ (Error::Invalid(_) | Error::TooLarge { .. } | Error::Body(_))) => {
                let picture = super::shown(&picture, &self.root);
                tracing::warn!(%error, picture, "the cover beside a track is not used");
                Ok(())
            }
            taken => taken,
        }
    }
}

/// A file's content, piece by piece.
pub(in crate::commands) async fn body(path: &Path) -> io::Result<ByteStream<'static>> {
    Ok(ReaderStream::with_capacity(File::open(path).await?, CHUNK).boxed())
}

/// What is wrong with the file is told; what is wrong with the server ends the import.
fn refused(error: Error) -> Result<Outcome, Error> {
    match error {
        Error::Invalid(fields) => {
            let codes: Vec<&str> = fields.iter().map(|field| field.code).collect();
            Ok(skipped(Reason::Refused, format!("it does not play as an MP3 ({})", codes.join(", "))))
        }
        Error::TooLarge { max_bytes } => {
            Ok(skipped(Reason::TooLarge, format!("larger than {max_bytes} bytes")))
        }
        Error::Body(error) => Ok(skipped(Reason::Unreadable, error.to_string())),
        error => Err(error),
    }
}

fn skipped(reason: Reason, detail: impl Into<String>) -> Outcome {
    Outcome::Skipped { reason, detail: detail.into() }
}
