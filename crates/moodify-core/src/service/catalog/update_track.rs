use super::{Catalog, TrackView};
use crate::Error;
use crate::model::event::{TrackHidden, TrackPublished};
use crate::model::{Caller, Event, EventPayload, Track, TrackChange, TrackId, Visibility};

impl Catalog {
    /// Changes one of the caller's tracks. If this makes it public for the first time, its release
    /// is announced: once, however often it is hidden and shown again. Hidden, it is announced to nobody
    /// more.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that the caller may know of; `not_owner`;
    /// `track_processing`; [`Error::StaleVersion`] if `expected` is not its version.
    pub async fn update_track(
        &self,
        caller: &Caller,
        id: TrackId,
        expected: Option<u64>,
        change: TrackChange,
    ) -> Result<TrackView, Error> {
        let track = self.own_track(caller, id).await?;
        let changed = Track {
            title: change.title.clone().unwrap_or_else(|| track.title.clone()),
            visibility: change.visibility.unwrap_or(track.visibility),
            ..track
        };
        let released = self.track_published(&changed);
        let hides = change.visibility.is_some_and(|visibility| visibility != Visibility::Public);
        let hidden: Vec<Event> = hides.then(|| self.track_hidden(&changed)).into_iter().collect();
        let store = &self.inner.parts.store;
        let track = store.update_track(id, expected, &change, &[released], &hidden).await?;
        self.view(caller, track).await
    }

    /// The track, if it is the caller's, and the caller may still change it.
    pub(super) async fn own_track(&self, caller: &Caller, id: TrackId) -> Result<Track, Error> {
        self.admit(caller).await?;
        let track = self.visible_track(caller, id).await?;
        if caller.artist_id == Some(track.artist_id) {
            return Ok(track);
        }
        Err(Error::Forbidden { code: "not_owner", message: "This track is another artist's." })
    }

    pub(super) fn track_published(&self, track: &Track) -> Event {
        let context = &self.inner.context;
        let payload = EventPayload::TrackPublished(TrackPublished {
            track_id: track.id,
            artist_id: track.artist_id,
            artist_name: track.artist_name.clone(),
            title: track.title.clone(),
            visibility: track.visibility,
        });
        context.event(payload)
    }

    fn track_hidden(&self, track: &Track) -> Event {
        let hidden = TrackHidden { track_id: track.id, artist_id: track.artist_id };
        self.inner.context.event(EventPayload::TrackHidden(hidden))
    }
}
