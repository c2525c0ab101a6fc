//! Direct uploads: the client sends the file to the media store itself, part by part, by signed URLs, and may
//! go on after an interruption. What it sent waits in quarantine until it was looked at like any other
//! upload. Everything between is a row that says what is left to do, and when: see
//! `docs/adr/0021-uploads-straight-to-the-store.md`.

mod abort;
mod check;
mod clean;
mod complete;
mod create;
mod view;
mod work;

use std::time::Duration;

pub use create::NewDirectUpload;
pub use view::{DirectUploadView, UploadPartView};

use super::Catalog;
use crate::Error;
use crate::model::{Caller, DirectUpload, Invalid, Refusal, Timestamp, UploadId, UploadStatus, later};
use crate::port::Measurement;

/// How long a URL works to which a part is sent.
pub(super) const URL_LIFE: Duration = Duration::from_secs(15 * 60);

impl Catalog {
    /// An upload that the caller knows of.
    async fn own_upload(&self, caller: &Caller, id: UploadId) -> Result<DirectUpload, Error> {
        let found = self.inner.parts.uploads.upload(id).await?;
        let own = found.filter(|upload| upload.account_id == caller.account_id);
        let wanted = own.filter(|upload| upload.status != UploadStatus::Aborted);
        wanted.ok_or(Error::NotFound { what: "upload" })
    }

    /// Ends an upload of which nothing comes. Returns whether it was still as we knew it.
    async fn end_without_track(
        &self,
        upload: &DirectUpload,
        status: UploadStatus,
        refusal: Option<Refusal>,
        reason: &'static str,
    ) -> Result<bool, Error> {
        let now = self.inner.context.now();
        let mut ended = upload.clone();
        // One that is ahead was noted before the clock was set back: it must keep no place until then.
        let closed_at = upload.closed_at.unwrap_or(now).min(now);
        ended.closed_at = Some(closed_at);
        ended.end(status, refusal, now, urls_end(closed_at));
        let changed = self.inner.parts.uploads.change_upload(&ended).await?;
        if changed && upload.status.is_under_way() {
            self.inner.context.record(Measurement::UploadRefused { reason });
        }
        self.inner.uploads_due.notify_one();
        Ok(changed)
    }
}

/// When the last URL ends that was signed before.
fn urls_end(closed_at: Timestamp) -> Timestamp {
    later(closed_at, URL_LIFE)
}

fn refusal(pointer: &str, code: &str) -> Option<Refusal> {
    Some(Refusal { pointer: pointer.to_owned(), code: code.to_owned() })
}

fn out_of_range(pointer: &str) -> Error {
    Error::invalid(pointer, Invalid::new("out_of_range", "A file has at least one byte."))
}
