use super::out_of_range;
use super::view::DirectUploadView;
use crate::Error;
use crate::model::{AnnouncedCover, Caller, DirectUpload, Genre, Title, UploadStatus, Visibility, later};
use crate::service::catalog::Catalog;

/// A file that somebody is about to upload.
#[derive(Clone, Debug)]
pub struct NewDirectUpload {
    /// Size of the audio.
    pub size_bytes: u64,
    /// The picture that comes with it. Default: the one in the file's tag.
    pub cover: Option<AnnouncedCover>,
    /// Default: the title in the file's tag.
    pub title: Option<Title>,
    /// Default: the genre in the file's tag.
    pub genre: Option<Genre>,
    /// Who may find and play the track.
    pub visibility: Visibility,
}

impl Catalog {
    /// Begins an upload straight to the media store.
    ///
    /// # Errors
    /// `artist_only`; `out_of_range` at `/size_bytes` or `/cover/size_bytes`; [`Error::TooLarge`];
    /// `too_many_uploads`.
    pub async fn create_direct_upload(
        &self,
        caller: &Caller,
        new: NewDirectUpload,
    ) -> Result<DirectUploadView, Error> {
        let refused = Error::Forbidden { code: "artist_only", message: "Only artists upload tracks." };
        let Some(artist_id) = caller.artist_id else { return Err(refused) };
        let config = &self.inner.config;
        is_taken("/size_bytes", new.size_bytes, config.max_audio_bytes)?;
        if let Some(cover) = new.cover {
            is_taken("/cover/size_bytes", cover.size_bytes, config.max_cover_bytes)?;
        }
        self.admit(caller).await?;
        self.make_known(caller, artist_id).await?;
        let now = self.inner.context.now();
        let expires_at = later(now, config.direct_upload_ttl);
        let upload = DirectUpload {
            id: self.inner.context.new_id(),
            account_id: caller.account_id,
            artist_id,
            size_bytes: new.size_bytes,
            part_bytes: DirectUpload::part_bytes_of(new.size_bytes, config.upload_part_bytes),
            cover: new.cover,
            title: new.title,
            genre: new.genre,
            visibility: new.visibility,
            status: UploadStatus::Open,
            refusal: None,
            created_at: now,
            expires_at,
            closed_at: None,
            place_until: None,
            due_at: expires_at,
            attempts: 0,
            version: 1,
        };
        if !self.inner.parts.uploads.create_upload(&upload, config.direct_uploads).await? {
            let message = "Complete or abort other uploads first.";
            return Err(Error::Conflict { code: "too_many_uploads", message });
        }
        self.new_upload_view(upload, now).await
    }
}

fn is_taken(pointer: &str, bytes: u64, max_bytes: u64) -> Result<(), Error> {
    match bytes {
        0 => Err(out_of_range(pointer)),
        bytes if bytes > max_bytes => Err(Error::TooLarge { max_bytes }),
        _ => Ok(()),
    }
}
