use futures::stream::{self, StreamExt, TryStreamExt};

use super::URL_LIFE;
use crate::Error;
use crate::model::{Caller, DirectUpload, Timestamp, UploadId, UploadPart, UploadStatus};
use crate::port::SignedPut;
use crate::service::catalog::Catalog;

/// How many parts are looked for at once.
const AT_ONCE: usize = 8;

/// A direct upload with what is left to send.
#[derive(Clone, Debug)]
pub struct DirectUploadView {
    /// The upload.
    pub upload: DirectUpload,
    /// The parts of its audio, in order; none once it was completed.
    pub parts: Vec<UploadPartView>,
    /// The picture, if one was announced; `None` once it was completed.
    pub cover: Option<UploadPartView>,
}

/// A part of a direct upload.
#[derive(Clone, Debug)]
pub struct UploadPartView {
    /// Which one.
    pub part: UploadPart,
    /// Where to send it; `None` when it is there.
    pub put: Option<SignedPut>,
}

impl Catalog {
    /// One of the caller's uploads, with fresh URLs for the parts that are not there.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller has none such; [`Error::Unavailable`].
    pub async fn direct_upload(&self, caller: &Caller, id: UploadId) -> Result<DirectUploadView, Error> {
        // Before the row is read: what is signed here ends with what was signed when the upload was closed.
        let now = self.inner.context.now();
        self.admit(caller).await?;
        let upload = self.own_upload(caller, id).await?;
        self.upload_view(upload, now).await
    }

    pub(super) async fn upload_view(
        &self,
        upload: DirectUpload,
        now: Timestamp,
    ) -> Result<DirectUploadView, Error> {
        if upload.status != UploadStatus::Open {
            return Ok(DirectUploadView { upload, parts: Vec::new(), cover: None });
        }
        let parts = stream::iter(upload.all_parts()).map(|part| async move {
            let there = self.is_there(&part).await?;
            self.part_view(part, there, now).await
        });
        let parts = parts.buffered(AT_ONCE).try_collect().await?;
        Ok(whole_view(upload, parts))
    }

    /// The same right after it was begun: nothing can be there.
    pub(super) async fn new_upload_view(
        &self,
        upload: DirectUpload,
        now: Timestamp,
    ) -> Result<DirectUploadView, Error> {
        let mut parts = Vec::new();
        for part in upload.all_parts() {
            parts.push(self.part_view(part, false, now).await?);
        }
        Ok(whole_view(upload, parts))
    }

    async fn part_view(
        &self,
        part: UploadPart,
        is_there: bool,
        now: Timestamp,
    ) -> Result<UploadPartView, Error> {
        let signer = &self.inner.parts.signer;
        let put = if is_there {
            None
        } else {
            Some(signer.sign_put(&part.key, part.size_bytes, now, URL_LIFE).await?)
        };
        Ok(UploadPartView { part, put })
    }

    /// Whether everything was sent.
    pub(super) async fn is_all_there(&self, upload: &DirectUpload) -> Result<bool, Error> {
        let found = stream::iter(upload.all_parts()).map(|part| async move { self.is_there(&part).await });
        found.buffered(AT_ONCE).try_all(async |there| there).await
    }

    async fn is_there(&self, part: &UploadPart) -> Result<bool, Error> {
        let found = self.inner.parts.media.head(&part.key).await?;
        Ok(found.is_some_and(|meta| meta.len == part.size_bytes))
    }
}

/// The picture is the last part.
fn whole_view(upload: DirectUpload, mut parts: Vec<UploadPartView>) -> DirectUploadView {
    let cover = if upload.cover.is_some() { parts.pop() } else { None };
    DirectUploadView { upload, parts, cover }
}
