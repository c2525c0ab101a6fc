//! Musics become tracks, through the same checks as an upload.

use std::path::Path;

use moodify_adapters::mongodb::mongoose::{MediaName, OldMusic};
use moodify_core::{
    Error,
    model::{Caller, Title, TrackId, Visibility},
    service::catalog::{ImportedTrack, Upload},
};

use super::{
    Importer,
    bucket::{self, Object},
    ids,
    people::Owner,
    report::{Entry, Kind, Note, Outcome, Reason, Remark, skipped},
    texts::{self, Taken},
};
use crate::commands::import::journal::Known;

/// What a track without any title is called.
const NO_TITLE: &str = "Untitled";

/// What came of taking something in.
enum Took {
    /// It is taken.
    Yes,
    /// There is nothing to take, or nothing good.
    No(Outcome),
}

impl Importer {
    /// Imports one music, unless it is nothing to import.
    ///
    /// # Errors
    /// If a part does not work: then the next one would fare no better.
    pub(super) async fn music(&self, music: OldMusic) -> Result<Entry, Error> {
        let mut notes = Vec::new();
        let outcome = self.music_outcome(&music, &mut notes).await?;
        if matches!(outcome, Outcome::Skipped { .. }) {
            notes.clear();
        }
        let entry = Entry::new(Kind::Music, &music.id, music.title, outcome);
        Ok(Entry { notes, ..entry })
    }

    async fn music_outcome(&self, music: &OldMusic, notes: &mut Vec<Note>) -> Result<Outcome, Error> {
        let (key, id) = (format!("musics/{}", music.id), ids::track(&music.id));
        if let Some(outcome) = self.earlier(&key, id).await? {
            return Ok(outcome);
        }
        let artist = match self.artist(music).await? {
            Ok(artist) => artist,
            Err(outcome) => return Ok(outcome),
        };
        let audio = match &music.audio {
            MediaName::Known(name) => name,
            MediaName::Missing => return Ok(skipped(Reason::KeyMissing, "it names no audio")),
            MediaName::Unreadable => {
                return Ok(skipped(
                    Reason::KeyUnreadable,
                    "the name of its audio is no text that can be read",
                ));
            }
        };
        let mut upload = self.moodify.catalog().begin_upload(&artist)?;
        if let Took::No(outcome) = self.take_audio(&mut upload, audio).await? {
            return Ok(outcome);
        }
        self.take_cover(&mut upload, music, notes).await?;
        let track = self.new_track(music, audio, &upload, notes)?;
        if self.dry_run {
            self.pretend_track(id);
            return Ok(Outcome::WouldImport);
        }
        match upload.finish_import(track).await {
            Ok(_) => {}
            Err(Error::NotFound { what: "artist" }) => {
                return Ok(skipped(Reason::OwnerNotImported, "its artist's account has just been deleted"));
            }
            Err(error) => return refused(error),
        }
        self.journal.done(&key, id.as_uuid()).map_err(Error::internal)?;
        Ok(Outcome::Imported { new_id: id.to_string() })
    }

    /// What to say of a music that was imported before.
    async fn earlier(&self, key: &str, id: TrackId) -> Result<Option<Outcome>, Error> {
        let is_done = matches!(self.journal.claim(key), Some(Known::Done(_)));
        if self.moodify.catalog().existing_tracks(&[id]).await?.contains(&id) {
            if !is_done {
                self.journal.done(key, id.as_uuid()).map_err(Error::internal)?;
            }
            return Ok(Some(skipped(Reason::AlreadyImported, "imported before")));
        }
        let deleted = || skipped(Reason::DeletedSince, "imported before, and deleted since");
        Ok(is_done.then(deleted))
    }

    /// The artist whose it is, or why there is none.
    async fn artist(&self, music: &OldMusic) -> Result<Result<Caller, Outcome>, Error> {
        let Some(artist) = &music.artist else {
            return Ok(Err(skipped(Reason::ArtistMissing, "it does not say whose it is")));
        };
        Ok(match self.people.owner(artist).await? {
            Owner::Nobody(reason, detail) => Err(skipped(reason, detail)),
            Owner::Is(account) if account.artist.is_none() => {
                let detail =
                    format!("{} is a listener's account; once that is an artist's, start again", account.id);
                Err(skipped(Reason::ArtistIsListener, detail))
            }
            Owner::Is(account) => Ok(self.people.accounts().caller_of(&account)),
        })
    }

    async fn take_audio(&self, upload: &mut Upload, name: &str) -> Result<Took, Error> {
        let body = match self.bucket.get(name).await? {
            Object::Here(body) => body,
            Object::Missing => {
                let detail = format!("`{name}` is not in the bucket");
                return Ok(Took::No(skipped(Reason::ObjectMissing, detail)));
            }
            Object::Unreadable(error) => {
                let detail = format!("`{name}` cannot be read: {}", bucket::why(&error));
                return Ok(Took::No(skipped(Reason::ObjectUnreadable, detail)));
            }
        };
        match upload.audio(body).await {
            Ok(()) => Ok(Took::Yes),
            Err(error) => refused(error).map(Took::No),
        }
    }

    /// A cover that is no good is no reason to leave the music out: the one in the file's tag may do.
    async fn take_cover(
        &self,
        upload: &mut Upload,
        music: &OldMusic,
        notes: &mut Vec<Note>,
    ) -> Result<(), Error> {
        let missing = |detail: String| Note::new(Remark::CoverMissing, detail);
        let name = match &music.cover {
            MediaName::Known(name) => name,
            MediaName::Missing => return Ok(()),
            MediaName::Unreadable => {
                notes.push(missing("the name of its cover is no text that can be read".to_owned()));
                return Ok(());
            }
        };
        let body = match self.bucket.get(name).await? {
            Object::Here(body) => body,
            Object::Missing => {
                notes.push(missing(format!("the cover `{name}` is not in the bucket")));
                return Ok(());
            }
            Object::Unreadable(error) => {
                let detail = format!("the cover `{name}` cannot be read: {}", bucket::why(&error));
                notes.push(missing(detail));
                return Ok(());
            }
        };
        match upload.cover(body).await {
            Err(error @ (Error::Invalid(_) | Error::TooLarge { .. } | Error::Body(_))) => {
                let detail = format!("the cover `{name}` is not used: {}", reason(&error));
                notes.push(Note::new(Remark::CoverRefused, detail));
                Ok(())
            }
            taken => taken,
        }
    }

    fn new_track(
        &self,
        music: &OldMusic,
        audio: &str,
        upload: &Upload,
        notes: &mut Vec<Note>,
    ) -> Result<ImportedTrack, Error> {
        let given = music.title.as_deref().and_then(texts::title);
        let title = match given {
            Some(Taken { text, changed }) => {
                if changed {
                    notes.push(Note::new(Remark::TextChanged, "the title was mended"));
                }
                text
            }
            None => {
                let detail = "there is no title; that of the file's tag, or its name, stands for it";
                notes.push(Note::new(Remark::TitleMissing, detail));
                let of_name = || Some(texts::title(Path::new(audio).file_stem()?.to_str()?)?.text);
                let found = upload.tagged_title().or_else(of_name);
                found.map_or_else(|| Title::parse(NO_TITLE).map_err(Error::internal), Ok)?
            }
        };
        let now = self.moodify.context().now();
        Ok(ImportedTrack {
            id: ids::track(&music.id),
            audio: ids::audio(&music.id),
            cover: ids::cover(&music.id),
            title: Some(title),
            genre: texts::genre(music.genre.as_deref()),
            // Such systems showed everybody everything, unless they said otherwise.
            visibility: if music.private == Some(true) { Visibility::Private } else { Visibility::Public },
            play_count: music.play_count,
            created_at: music.created_at.unwrap_or(now).min(now),
        })
    }
}

/// What is wrong with the file is told; what is wrong with the server ends the import.
fn refused(error: Error) -> Result<Outcome, Error> {
    let which = match &error {
        Error::Invalid(_) => Reason::Refused,
        Error::TooLarge { .. } => Reason::TooLarge,
        Error::Body(_) => Reason::ObjectUnreadable,
        _ => return Err(error),
    };
    Ok(skipped(which, reason(&error)))
}

fn reason(error: &Error) -> String {
    match error {
        Error::Invalid(fields) => {
            let codes: Vec<&str> = fields.iter().map(|field| field.code).collect();
            format!("it is refused as an upload would be: {}", codes.join(", "))
        }
        Error::TooLarge { max_bytes } => format!("larger than {max_bytes} bytes"),
        Error::Body(error) => format!("it breaks off: {}", bucket::why(error)),
        error => error.to_string(),
    }
}
