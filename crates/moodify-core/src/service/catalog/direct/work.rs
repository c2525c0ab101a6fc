//! Looking after uploads: whatever a row says is due is done, and done again after a crash.

use std::time::Duration;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::refusal;
use crate::Error;
use crate::model::{DirectUpload, UploadStatus, later};
use crate::service::catalog::Catalog;

/// How many uploads of one process are looked after at once. Each check takes a processor for seconds.
const AT_ONCE: usize = 2;
/// How long nobody else looks after an upload that somebody has taken.
const LEASE: Duration = Duration::from_secs(5 * 60);
/// How late something can be when the hint was lost, or given in another process.
const POLL: Duration = Duration::from_secs(2);
/// How long to wait while the database is away.
const PAUSE: Duration = Duration::from_secs(10);
/// When something is tried again that failed for now; the last one for ever.
const WAITS: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
];
/// How often a check is tried: over some eight hours.
const MOST_CHECKS: u32 = 12;
/// For how long it counts as no try that there was no room: an upload that waits keeps one of its account's places.
const LONGEST_LINE: Duration = Duration::from_secs(24 * 60 * 60);

impl Catalog {
    /// Looks after direct uploads until told to stop, then finishes what it has begun. While the database is
    /// away it tries again, and says so in the log.
    pub async fn look_after_uploads(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let wait = match self.handle_due_uploads().await {
                Ok(0) => POLL,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "direct uploads were not looked after; tried again in {PAUSE:?}");
                    PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.inner.uploads_due.notified() => {}
                () = self.inner.context.clock.sleep(wait) => {}
            }
        }
    }

    /// Looks after some uploads for which it is time, and returns how many those were.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the database fails.
    pub async fn handle_due_uploads(&self) -> Result<usize, Error> {
        let now = self.inner.context.now();
        let due = self.inner.parts.uploads.take_due_uploads(AT_ONCE, now, LEASE).await?;
        let count = due.len();
        let handled = join_all(due.into_iter().map(|upload| self.look_after(upload))).await;
        handled.into_iter().collect::<Result<(), Error>>()?;
        Ok(count)
    }

    /// Fails only if not even the failure can be noted: then it comes again when the lease has run out.
    async fn look_after(&self, upload: DirectUpload) -> Result<(), Error> {
        let done = match upload.status {
            UploadStatus::Open => self.expire(&upload).await,
            UploadStatus::Processing => self.check(&upload).await,
            UploadStatus::Publishing => self.publish_upload(&upload).await,
            UploadStatus::Ready | UploadStatus::Rejected | UploadStatus::Aborted => self.clean(&upload).await,
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => self.put_off(upload, &error).await,
        }
    }

    async fn expire(&self, upload: &DirectUpload) -> Result<(), Error> {
        let why = refusal("", "expired");
        self.end_without_track(upload, UploadStatus::Rejected, why, "expired").await?;
        Ok(())
    }

    async fn put_off(&self, mut upload: DirectUpload, error: &Error) -> Result<(), Error> {
        let id = upload.id;
        let now = self.inner.context.now();
        if upload.status == UploadStatus::Processing && upload.attempts >= MOST_CHECKS {
            tracing::error!(%error, upload = %id, "an upload could not be looked at; it is rejected");
            let why = refusal("", "not_checked");
            self.end_without_track(&upload, UploadStatus::Rejected, why, "not_checked").await?;
            return Ok(());
        }
        let has_waited = upload.closed_at.is_some_and(|closed| later(closed, LONGEST_LINE) <= now);
        let wait = if let Error::Busy { retry_after } = error
            && !has_waited
        {
            // Others had no room for it: that says nothing of this upload.
            upload.attempts = upload.attempts.saturating_sub(1);
            *retry_after
        } else {
            let nth = usize::try_from(upload.attempts).unwrap_or(usize::MAX).clamp(1, WAITS.len());
            let wait = WAITS[nth - 1];
            tracing::warn!(%error, upload = %id, status = ?upload.status, "an upload was not looked after; tried again in {wait:?}");
            wait
        };
        upload.due_at = later(now, wait);
        self.inner.parts.uploads.change_upload(&upload).await?;
        Ok(())
    }
}
