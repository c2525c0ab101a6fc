use tracing::Instrument;

use super::{Names, Prepared, Upload, UploadFields};
use crate::Error;
use crate::model::{Genre, MediaId, Timestamp, Title, Track, TrackId, TrackStatus, Visibility};
use crate::port::Measurement;

/// What is known of a track that comes from another system. Its identifiers are always made of the same
/// ones there: what a crash has left in the media store is overwritten by the next try.
#[derive(Clone, Debug)]
pub struct ImportedTrack {
    /// The track's.
    pub id: TrackId,
    /// Its audio's.
    pub audio: MediaId,
    /// Its cover's, if it turns out to have one.
    pub cover: MediaId,
    /// Default: the title in the file's tag.
    pub title: Option<Title>,
    /// Default: the genre in the file's tag.
    pub genre: Option<Genre>,
    /// Who may find and play it.
    pub visibility: Visibility,
    /// How often it was played there.
    pub play_count: u64,
    /// When it was uploaded there.
    pub created_at: Timestamp,
}

impl Upload {
    /// Makes the track, ready as it is stored; a public one counts as released long ago, so that nobody is
    /// told of it, now or when it is hidden and shown again. For commands of whoever runs the server, never
    /// for requests.
    ///
    /// # Errors
    /// `required` at `/audio` or `/title` if there is none; [`Error::NotFound`] if the artist is gone.
    pub async fn finish_import(self, about: ImportedTrack) -> Result<Track, Error> {
        let context = self.catalog.inner.context.clone();
        let stored = tokio::spawn(self.store_import(about).in_current_span());
        let track = stored.await.map_err(Error::internal)??;
        context.record(Measurement::UploadStored { bytes: track.size_bytes });
        Ok(track)
    }

    async fn store_import(mut self, about: ImportedTrack) -> Result<Track, Error> {
        let catalog = self.catalog.clone();
        let parts = &catalog.inner.parts;
        if parts.library.has_ended(&self.ends_with).await? {
            return Err(Error::NotFound { what: "artist" });
        }
        let names = Names { track: about.id, audio: about.audio, cover: about.cover };
        let fields = UploadFields { title: about.title, genre: about.genre, visibility: about.visibility };
        let settled = self.settle(&names, fields).await?;
        let track = Track {
            status: TrackStatus::Ready,
            play_count: about.play_count,
            created_at: about.created_at,
            ..settled.track
        };
        let settled = Prepared { track, ..settled };
        // Before the track: one so old that is not ready would be swept away as an upload that died.
        catalog.put(&settled).await?;
        parts.store.create_track(&settled.track).await?;
        Ok(settled.track)
    }
}
