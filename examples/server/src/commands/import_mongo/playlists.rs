//! Playlists, with their musics in order.

use std::collections::HashSet;

use moodify_adapters::mongodb::mongoose::OldPlaylist;
use moodify_core::{
    Error,
    model::{AccountId, Description, EntryId, Playlist, Title, TrackId, Visibility},
    service::catalog::ImportedPlaylist,
};

use super::{
    Importer, ids,
    people::Owner,
    report::{Entry, Kind, Note, Outcome, Reason, Remark, skipped},
    texts::{self, Taken},
};
use crate::commands::import::journal::Known;

/// What a playlist without a title is called.
const NO_TITLE: &str = "Playlist";

impl Importer {
    /// Imports one playlist, unless it is nothing to import.
    ///
    /// # Errors
    /// If a part does not work: then the next one would fare no better.
    pub(super) async fn playlist(&self, playlist: OldPlaylist) -> Result<Entry, Error> {
        let mut notes = Vec::new();
        let outcome = self.playlist_outcome(&playlist, &mut notes).await?;
        let entry = Entry::new(Kind::Playlist, &playlist.id, playlist.title, outcome);
        Ok(Entry { notes, ..entry })
    }

    async fn playlist_outcome(
        &self,
        playlist: &OldPlaylist,
        notes: &mut Vec<Note>,
    ) -> Result<Outcome, Error> {
        let (key, id) = (format!("playlists/{}", playlist.id), ids::playlist(&playlist.id));
        let is_done = matches!(self.journal.claim(&key), Some(Known::Done(_)));
        let imported = || skipped(Reason::AlreadyImported, "imported before");
        let done = || self.journal.done(&key, id.as_uuid()).map_err(Error::internal);
        if self.moodify.catalog().has_playlist(id).await? {
            if !is_done {
                done()?;
            }
            return Ok(imported());
        }
        if is_done {
            return Ok(skipped(Reason::DeletedSince, "imported before, and deleted since"));
        }
        let owner = match &playlist.owner {
            None => return Ok(skipped(Reason::OwnerMissing, "it does not say whose it is")),
            Some(owner) => self.people.owner(owner).await?,
        };
        let owner = match owner {
            Owner::Is(account) => account.id,
            Owner::Nobody(reason, detail) => return Ok(skipped(reason, detail)),
        };
        let new = self.new_playlist(playlist, owner, notes).await?;
        if self.dry_run {
            return Ok(Outcome::WouldImport);
        }
        if !self.moodify.catalog().import_playlist(new).await? {
            notes.clear();
            return Ok(imported());
        }
        done()?;
        Ok(Outcome::Imported { new_id: id.to_string() })
    }

    async fn new_playlist(
        &self,
        playlist: &OldPlaylist,
        owner_id: AccountId,
        notes: &mut Vec<Note>,
    ) -> Result<ImportedPlaylist, Error> {
        let now = self.moodify.context().now();
        let created_at = playlist.created_at.unwrap_or(now).min(now);
        Ok(ImportedPlaylist {
            id: ids::playlist(&playlist.id),
            owner_id,
            title: title(playlist.title.as_deref(), notes)?,
            description: description(playlist.description.as_deref(), notes)?,
            visibility: match playlist.private {
                Some(true) => Visibility::Private,
                Some(false) => Visibility::Public,
                None => self.visibility,
            },
            entries: self.entries(playlist, notes).await?,
            created_at,
            updated_at: playlist.updated_at.unwrap_or(created_at).clamp(created_at, now),
        })
    }

    /// The places of the musics that became tracks, in order.
    async fn entries(
        &self,
        playlist: &OldPlaylist,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<(EntryId, TrackId)>, Error> {
        let Some(musics) = &playlist.musics else {
            notes.push(Note::new(Remark::MusicsMissing, "it has no list of musics, and is empty"));
            return Ok(Vec::new());
        };
        let tracks: Vec<Option<TrackId>> =
            musics.iter().map(|music| music.as_ref().map(ids::track)).collect();
        let wanted: HashSet<TrackId> = tracks.iter().flatten().copied().collect();
        let wanted: Vec<TrackId> = wanted.into_iter().collect();
        let mut here = self.moodify.catalog().existing_tracks(&wanted).await?;
        here.extend(self.pretended_tracks(&wanted));
        let places = tracks.iter().enumerate().filter_map(|(index, track)| {
            let track = track.filter(|track| here.contains(track))?;
            Some((ids::entry(&playlist.id, index), track))
        });
        let mut places: Vec<_> = places.collect();
        let missing = tracks.len() - places.len();
        if missing > 0 {
            let detail =
                format!("{missing} of its {} musics are not here; the others keep their order", tracks.len());
            notes.push(Note::new(Remark::MusicsMissing, detail));
        }
        if places.len() > Playlist::MAX_ENTRIES {
            places.truncate(Playlist::MAX_ENTRIES);
            let detail = format!("it has more than {} musics; the first ones came", Playlist::MAX_ENTRIES);
            notes.push(Note::new(Remark::MusicsCut, detail));
        }
        Ok(places)
    }
}

fn title(given: Option<&str>, notes: &mut Vec<Note>) -> Result<Title, Error> {
    let Some(Taken { text, changed }) = given.and_then(texts::title) else {
        let detail = format!("there is no title; it is called \"{NO_TITLE}\"");
        notes.push(Note::new(Remark::TitleMissing, detail));
        return Title::parse(NO_TITLE).map_err(Error::internal);
    };
    if changed {
        notes.push(Note::new(Remark::TextChanged, "the title was mended"));
    }
    Ok(text)
}

fn description(given: Option<&str>, notes: &mut Vec<Note>) -> Result<Description, Error> {
    let Some(given) = given else { return Description::parse("").map_err(Error::internal) };
    let Some(Taken { text, changed }) = texts::description(given) else {
        return Description::parse("").map_err(Error::internal);
    };
    if changed {
        notes.push(Note::new(Remark::TextChanged, "the description was mended"));
    }
    Ok(text)
}
