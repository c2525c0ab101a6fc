//! Uploads: nothing enters the media store that was not looked at, and nothing stays there that
//! has no track.

mod import;

use futures::stream::{self, StreamExt};
use tracing::Instrument;

use super::upload_places::UploadPlace;
use super::{Catalog, TrackView};
use crate::Error;
use crate::error::refused_upload;
use crate::model::{
    Artist, ByteStream, Caller, Genre, Invalid, MediaKey, Title, Track, TrackId, TrackStatus, Visibility,
};
use crate::port::{Measurement, ProbeError, ProbedAudio, ProbedCover};

pub use import::ImportedTrack;

/// An upload that has begun. Dropping it leaves nothing behind.
pub struct Upload {
    catalog: Catalog,
    caller: Caller,
    artist: Artist,
    place: UploadPlace,
    audio: Option<ProbedAudio>,
    cover: Option<ProbedCover>,
}

/// What an artist says of an upload.
#[derive(Clone, Debug, Default)]
pub struct UploadFields {
    /// Default: the title in the file's tag.
    pub title: Option<Title>,
    /// Default: the genre in the file's tag.
    pub genre: Option<Genre>,
    /// Default: public.
    pub visibility: Visibility,
}

/// What is settled about a track before its media is stored.
struct About {
    id: TrackId,
    title: Title,
    genre: Option<Genre>,
    visibility: Visibility,
}

impl Catalog {
    /// Begins an upload, before anything of its body is read.
    ///
    /// # Errors
    /// `artist_only`; [`Error::Busy`] if the account has as many uploads going on as it may, or too many
    /// bytes of all wait on the disk.
    pub fn begin_upload(&self, caller: &Caller) -> Result<Upload, Error> {
        self.new_upload(caller).inspect_err(|error| self.count_refused(error))
    }

    fn new_upload(&self, caller: &Caller) -> Result<Upload, Error> {
        let refused = Error::Forbidden { code: "artist_only", message: "Only artists upload tracks." };
        let Some(id) = caller.artist_id else { return Err(refused) };
        let artist = self.profile(caller, id)?;
        let place = self.inner.places.take(caller.account_id)?;
        let (catalog, caller) = (self.clone(), caller.clone());
        Ok(Upload { catalog, caller, artist, place, audio: None, cover: None })
    }

    fn count_refused(&self, error: &Error) {
        self.inner.context.record(Measurement::UploadRefused { reason: reason(error) });
    }
}

impl Upload {
    /// Takes the audio in.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; [`Error::Invalid`] at `/audio` if it is no MP3 that plays from start to
    /// end; [`Error::Busy`] if there is no room for it; `duplicate_field`.
    pub async fn audio(&mut self, body: ByteStream<'_>) -> Result<(), Error> {
        if self.audio.is_some() {
            return Err(self.refused(duplicate("/audio")));
        }
        let inner = &self.catalog.inner;
        let probed = inner.parts.probe.audio(self.staged(body), inner.config.max_audio_bytes).await;
        self.audio = Some(probed.map_err(|error| self.refused(refused_upload(error, "/audio")))?);
        Ok(())
    }

    /// Takes the cover in.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; [`Error::Invalid`] at `/cover` if it is no JPEG or PNG; [`Error::Busy`] if
    /// there is no room for it; `duplicate_field`.
    pub async fn cover(&mut self, body: ByteStream<'_>) -> Result<(), Error> {
        if self.cover.is_some() {
            return Err(self.refused(duplicate("/cover")));
        }
        let inner = &self.catalog.inner;
        let probed = inner.parts.probe.cover(self.staged(body), inner.config.max_cover_bytes).await;
        self.cover = Some(probed.map_err(|error| self.refused(refused_upload(error, "/cover")))?);
        Ok(())
    }

    /// The title in the file's tag, if that is any good.
    pub fn tagged_title(&self) -> Option<Title> {
        Title::parse(self.audio.as_ref()?.tags.title.as_deref()?).ok()
    }

    /// Takes the cover out of the file's tag, if that is any good and no other was sent. Returns
    /// whether there is a cover now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it cannot be looked at.
    pub async fn tagged_cover(&mut self) -> Result<bool, Error> {
        let tagged = self.audio.as_ref().and_then(|audio| audio.tags.cover.clone());
        let Some(bytes) = tagged.filter(|_| self.cover.is_none()) else { return Ok(self.cover.is_some()) };
        let inner = &self.catalog.inner;
        let body = stream::once(async { Ok(bytes) }).boxed();
        match inner.parts.probe.cover(body, inner.config.max_cover_bytes).await {
            Ok(cover) => self.cover = Some(cover),
            Err(ProbeError::Unavailable(fault)) => return Err(fault.into()),
            Err(refused) => tracing::debug!(%refused, "the cover in the tag is not used"),
        }
        Ok(self.cover.is_some())
    }

    /// Makes the track. From here on it goes through to its end even if nobody waits any more.
    ///
    /// # Errors
    /// `required` at `/audio` or `/title` if there is none.
    pub async fn finish(self, fields: UploadFields) -> Result<TrackView, Error> {
        let id = self.catalog.inner.context.new_id();
        self.finish_as(id, fields).await
    }

    /// The same under a new identifier that the caller has noted before, to find out after a crash
    /// whether the track was made.
    ///
    /// # Errors
    /// As those of [`finish`](Self::finish).
    pub async fn finish_as(self, id: TrackId, fields: UploadFields) -> Result<TrackView, Error> {
        let catalog = self.catalog.clone();
        let bytes = self.audio.as_ref().map_or(0, |audio| audio.staged.len());
        let stored = tokio::spawn(self.store(id, fields).in_current_span()).await.map_err(Error::internal)?;
        match &stored {
            Ok(_) => catalog.inner.context.record(Measurement::UploadStored { bytes }),
            Err(error) => catalog.count_refused(error),
        }
        stored
    }

    /// The body, as far as there is room to stage it.
    fn staged<'a>(&'a self, body: ByteStream<'a>) -> ByteStream<'a> {
        body.map(|piece| self.place.admit(piece?)).boxed()
    }

    /// Counts why nothing comes of it.
    fn refused(&self, error: Error) -> Error {
        let error = self.place.refusal().unwrap_or(error);
        self.catalog.count_refused(&error);
        error
    }

    async fn store(mut self, id: TrackId, fields: UploadFields) -> Result<TrackView, Error> {
        let required = |pointer, message| Error::invalid(pointer, Invalid::new("required", message));
        self.tagged_cover().await?;
        let (tagged, cover) = (self.tagged_title(), self.cover.take());
        let Some(audio) = self.audio.take() else { return Err(required("/audio", "An MP3 file is needed.")) };
        let Some(title) = fields.title.or(tagged) else {
            return Err(required("/title", "A title is needed: the file's tag has none."));
        };
        let genre = fields.genre.or_else(|| tagged_genre(&audio));
        let about = About { id, title, genre, visibility: fields.visibility };
        let catalog = self.catalog.clone();
        let store = &catalog.inner.parts.store;
        catalog.admit(&self.caller).await?;
        store.upsert_artist(&self.artist).await?;
        // By another name than the token's, if that is an old one.
        self.artist = store.artist(self.artist.id).await?.ok_or(Error::NotFound { what: "artist" })?;
        let track = self.track(about, &audio, cover.is_some());
        store.create_track(&track).await?;
        if let Err(error) = self.put_and_publish(&track, &audio, cover.as_ref()).await {
            self.catalog.remove_upload(&track).await;
            return Err(error);
        }
        // As it was stored: which version publishing gave it is the store's business.
        let published = store.track(track.id).await?.ok_or(Error::NotFound { what: "track" })?;
        // Nobody can like what nobody has seen.
        self.catalog.linked(published, false).await
    }

    fn track(&self, about: About, audio: &ProbedAudio, has_cover: bool) -> Track {
        let context = &self.catalog.inner.context;
        Track {
            id: about.id,
            artist_id: self.artist.id,
            artist_name: self.artist.name.clone(),
            title: about.title,
            genre: about.genre,
            duration_ms: audio.info.duration_ms,
            size_bytes: audio.staged.len(),
            visibility: about.visibility,
            status: TrackStatus::Processing,
            audio: context.new_id(),
            cover: has_cover.then(|| context.new_id()),
            play_count: 0,
            created_at: context.now(),
            version: 1,
        }
    }

    async fn put_and_publish(
        &self,
        track: &Track,
        audio: &ProbedAudio,
        cover: Option<&ProbedCover>,
    ) -> Result<(), Error> {
        self.put(track, audio, cover).await?;
        let event = self.catalog.track_published(track);
        let published = self.catalog.inner.parts.store.publish_track(track.id, &[event]).await?;
        if published { Ok(()) } else { Err(Error::internal("the track vanished during its upload")) }
    }

    async fn put(
        &self,
        track: &Track,
        audio: &ProbedAudio,
        cover: Option<&ProbedCover>,
    ) -> Result<(), Error> {
        let media = &self.catalog.inner.parts.media;
        media.put(&track.audio_key(), audio.staged.len(), audio.staged.open().await?).await?;
        if let (Some(id), Some(cover)) = (track.cover, cover) {
            for image in &cover.images {
                let (len, jpeg) = (image.jpeg.len() as u64, image.jpeg.clone());
                let body = stream::once(async { Ok(jpeg) }).boxed();
                media.put(&MediaKey::cover(id, image.size), len, body).await?;
            }
        }
        Ok(())
    }
}

fn tagged_genre(audio: &ProbedAudio) -> Option<Genre> {
    Genre::parse(audio.tags.genre.as_deref()?).ok()
}

/// Why an upload came to nothing, in a word for the meter.
fn reason(error: &Error) -> &'static str {
    match error {
        Error::Invalid(fields) => fields.first().map_or("invalid", |field| field.code),
        Error::TooLarge { .. } => "too_large",
        Error::Body(_) => "body_broken_off",
        Error::Busy { .. } => "busy",
        Error::Unavailable(_) => "unavailable",
        Error::Forbidden { code, .. } | Error::Conflict { code, .. } => code,
        Error::Unauthenticated(failure) => failure.code(),
        _ => "internal_error",
    }
}

fn duplicate(pointer: &str) -> Error {
    Error::invalid(pointer, Invalid::new("duplicate_field", "This field was sent twice."))
}
