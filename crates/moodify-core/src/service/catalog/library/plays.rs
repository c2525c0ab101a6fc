use super::position;
use crate::Error;
use crate::model::event::PlayReported;
use crate::model::page::encode_cursor;
use crate::model::play::{CLOCK_TOLERANCE, LATEST_REPORT};
use crate::model::{
    Caller, DeviceId, HistoryEntry, Invalid, PageSize, PlayId, PlayReport, Timestamp, TrackId, earlier, later,
};
use crate::service::Catalog;
use crate::service::catalog::{Listing, TrackView};

/// What a device says of a play.
#[derive(Clone, Debug)]
pub struct NewReport {
    /// The key of the play.
    pub play_id: PlayId,
    /// The track.
    pub track_id: TrackId,
    /// When it began, by the clock of the device.
    pub started_at: Timestamp,
    /// How long it was heard, in milliseconds.
    pub played_ms: u32,
    /// Which device it is.
    pub device_id: Option<DeviceId>,
}

/// An entry of the history.
#[derive(Clone, Debug)]
pub struct PlayedTrack {
    /// The play.
    pub play: HistoryEntry,
    /// Its track, as the caller sees it.
    pub track: TrackView,
}

impl Catalog {
    /// Takes in what a device of the caller says of a play. Returns whether the play counts.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such track that the caller may know of; `in_the_future` and
    /// `too_long_ago` at `/started_at`; `play_id_taken`.
    pub async fn report_play(&self, caller: &Caller, new: NewReport) -> Result<bool, Error> {
        self.admit(caller).await?;
        self.visible_track(caller, new.track_id).await?;
        let NewReport { play_id, track_id, started_at, played_ms, device_id } = new;
        let (account_id, reported_at) = (caller.account_id, self.inner.context.now());
        let report =
            PlayReport { account_id, play_id, track_id, started_at, played_ms, device_id, reported_at };
        check_beginning(&report)?;
        Ok(self.inner.parts.library.record_play(&report).await?)
    }

    /// The same for a play that the sync service has heard of. What cannot be counted is let go.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store fails.
    pub async fn play_was_reported(&self, event: &PlayReported, at: Timestamp) -> Result<(), Error> {
        if self.is_gone(event.account_id).await? {
            return Ok(());
        }
        let report = PlayReport {
            account_id: event.account_id,
            play_id: event.play_id.clone(),
            track_id: event.track_id,
            started_at: event.started_at,
            played_ms: event.played_ms,
            device_id: event.device_id.clone(),
            reported_at: at,
        };
        let stored = match check_beginning(&report) {
            Ok(()) => self.inner.parts.library.record_play(&report).await.map_err(Error::from),
            Err(refused) => Err(refused),
        };
        match stored {
            Ok(_) => Ok(()),
            Err(why @ (Error::NotFound { .. } | Error::Conflict { .. } | Error::Invalid(_))) => {
                tracing::debug!(%why, play = %event.play_id, "a reported play is not counted");
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }

    /// A page of what the caller has heard, the latest first, without tracks that the caller may not
    /// know of any more.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub async fn history(
        &self,
        caller: &Caller,
        limit: PageSize,
        cursor: Option<&str>,
    ) -> Result<Listing<PlayedTrack>, Error> {
        let (library, after) = (&self.inner.parts.library, position(cursor)?);
        let page = library.history(caller.account_id, caller.artist_id, limit, after.as_ref()).await?;
        let next_cursor = page.next.as_ref().map(encode_cursor);
        let tracks = page.items.iter().map(|play| play.track.clone()).collect();
        let tracks = self.views(caller, tracks).await?;
        let items = page.items.into_iter().zip(tracks).map(|(play, track)| PlayedTrack { play, track });
        Ok(Listing { items: items.collect(), next_cursor })
    }
}

fn check_beginning(report: &PlayReport) -> Result<(), Error> {
    let refused = |code, message| Err(Error::invalid("/started_at", Invalid::new(code, message)));
    if report.started_at > later(report.reported_at, CLOCK_TOLERANCE) {
        return refused("in_the_future", "This play has not begun yet: check the clock of the device.");
    }
    if report.started_at < earlier(report.reported_at, LATEST_REPORT) {
        return refused("too_long_ago", "Plays are reported within 24 hours.");
    }
    Ok(())
}
