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
    AccountId, Artist, ByteStream, Caller, Genre, Invalid, MediaId, MediaKey, Title, Track, TrackId,
    TrackStatus, Visibility,
};
use crate::port::{Ended, Measurement, ProbeError, ProbedAudio, ProbedCover};

pub use import::ImportedTrack;

/// An upload that has begun. Dropping it leaves nothing behind.
pub struct Upload {
    catalog: Catalog,
    /// Whose end is its own.
    ends_with: Vec<Ended>,
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

/// What a track and its media will be called.
pub(super) struct Names {
    pub(super) track: TrackId,
    pub(super) audio: MediaId,
    pub(super) cover: MediaId,
}

/// A track, and what is to be stored for it.
pub(super) struct Prepared {
    pub(super) track: Track,
    audio: ProbedAudio,
    cover: Option<ProbedCover>,
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
        let ends_with = vec![Ended::Account(caller.account_id), Ended::Session(caller.session_id)];
        Ok(Upload { catalog: self.clone(), ends_with, artist, place, audio: None, cover: None })
    }

    /// The same for somebody who is not there: it goes on whatever becomes of a session.
    ///
    /// # Errors
    /// [`Error::Busy`] as for any other.
    pub(super) fn upload_for(&self, account: AccountId, artist: Artist) -> Result<Upload, Error> {
        let place = self.inner.places.take(account)?;
        let ends_with = vec![Ended::Account(account)];
        Ok(Upload { catalog: self.clone(), ends_with, artist, place, audio: None, cover: None })
    }

    pub(super) fn count_refused(&self, error: &Error) {
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
        let taken = self.take_audio(body).await;
        taken.inspect_err(|error| self.catalog.count_refused(error))
    }

    /// The same, but nobody counts it.
    pub(super) async fn take_audio(&mut self, body: ByteStream<'_>) -> Result<(), Error> {
        if self.audio.is_some() {
            return Err(duplicate("/audio"));
        }
        let inner = &self.catalog.inner;
        let probed = inner.parts.probe.audio(self.staged(body), inner.config.max_audio_bytes).await;
        self.audio = Some(probed.map_err(|error| self.why(refused_upload(error, "/audio")))?);
        Ok(())
    }

    /// Takes the cover in.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; [`Error::Invalid`] at `/cover` if it is no JPEG or PNG; [`Error::Busy`] if
    /// there is no room for it; `duplicate_field`.
    pub async fn cover(&mut self, body: ByteStream<'_>) -> Result<(), Error> {
        let taken = self.take_cover(body).await;
        taken.inspect_err(|error| self.catalog.count_refused(error))
    }

    /// The same, but nobody counts it.
    pub(super) async fn take_cover(&mut self, body: ByteStream<'_>) -> Result<(), Error> {
        if self.cover.is_some() {
            return Err(duplicate("/cover"));
        }
        let inner = &self.catalog.inner;
        let probed = inner.parts.probe.cover(self.staged(body), inner.config.max_cover_bytes).await;
        self.cover = Some(probed.map_err(|error| self.why(refused_upload(error, "/cover")))?);
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

    /// Why nothing comes of it: perhaps for want of room.
    fn why(&self, error: Error) -> Error {
        self.place.refusal().unwrap_or(error)
    }

    async fn store(mut self, id: TrackId, fields: UploadFields) -> Result<TrackView, Error> {
        let (catalog, context) = (self.catalog.clone(), &self.catalog.inner.context);
        let names = Names { track: id, audio: context.new_id(), cover: context.new_id() };
        let prepared = self.prepare(&names, fields).await?;
        if let Err(error) = catalog.put_and_publish(&prepared).await {
            catalog.remove_upload(&prepared.track).await;
            return Err(error);
        }
        // As it was stored: which version publishing gave it is the store's business.
        let published = catalog.inner.parts.store.track(id).await?;
        // Nobody can like what nobody has seen.
        catalog.linked(published.ok_or(Error::NotFound { what: "track" })?, false).await
    }

    /// Makes the row of the track, which says what to clean up whatever comes next.
    pub(super) async fn prepare(&mut self, names: &Names, fields: UploadFields) -> Result<Prepared, Error> {
        self.catalog.admit_none_of(&self.ends_with).await?;
        let prepared = self.settle(names, fields).await?;
        self.catalog.inner.parts.store.create_track(&prepared.track).await?;
        Ok(prepared)
    }

    /// Settles what the track will be.
    async fn settle(&mut self, names: &Names, fields: UploadFields) -> Result<Prepared, Error> {
        let required = |pointer, message| Error::invalid(pointer, Invalid::new("required", message));
        self.tagged_cover().await?;
        let (tagged, cover) = (self.tagged_title(), self.cover.take());
        let Some(audio) = self.audio.take() else { return Err(required("/audio", "An MP3 file is needed.")) };
        let Some(title) = fields.title.or(tagged) else {
            return Err(required("/title", "A title is needed: the file's tag has none."));
        };
        let genre = fields.genre.or_else(|| Genre::parse(audio.tags.genre.as_deref()?).ok());
        let parts = &self.catalog.inner.parts;
        parts.store.upsert_artist(&self.artist).await?;
        // By another name than the token's, if that is an old one.
        let artist = parts.store.artist(self.artist.id).await?.ok_or(Error::NotFound { what: "artist" })?;
        let track = Track {
            id: names.track,
            artist_id: artist.id,
            artist_name: artist.name,
            title,
            genre,
            duration_ms: audio.info.duration_ms,
            size_bytes: audio.staged.len(),
            visibility: fields.visibility,
            status: TrackStatus::Processing,
            audio: names.audio,
            cover: cover.is_some().then_some(names.cover),
            play_count: 0,
            created_at: self.catalog.inner.context.now(),
            version: 1,
        };
        Ok(Prepared { track, audio, cover })
    }
}

impl Catalog {
    async fn put_and_publish(&self, prepared: &Prepared) -> Result<(), Error> {
        self.put(prepared).await?;
        if self.publish(&prepared.track).await? {
            return Ok(());
        }
        Err(Error::internal("the track vanished during its upload"))
    }

    /// Stores the media of a track.
    pub(super) async fn put(&self, prepared: &Prepared) -> Result<(), Error> {
        let Prepared { track, audio, cover } = prepared;
        let media = &self.inner.parts.media;
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

    /// Shows a track whose media is stored; `false` if it is not there to be shown.
    pub(super) async fn publish(&self, track: &Track) -> Result<bool, Error> {
        let event = self.track_published(track);
        Ok(self.inner.parts.store.publish_track(track.id, &[event]).await?)
    }
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
