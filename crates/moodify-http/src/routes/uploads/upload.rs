//! What the routes of this folder answer with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use moodify_core::model::{TrackId, UploadId, UploadStatus};
use moodify_core::service::catalog::{DirectUploadView, UploadPartView};
use serde::Serialize;
use utoipa::ToSchema;

use crate::routes::int32;

/// A file on its way to a track.
#[derive(Serialize, ToSchema)]
#[schema(as = Upload)]
pub(crate) struct DirectUploadBody {
    #[schema(value_type = uuid::Uuid)]
    id: UploadId,
    status: UploadStatusName,
    /// Why it was rejected: a stable code.
    #[schema(required, example = "damaged_media")]
    rejected_reason: Option<String>,
    /// What of it was rejected; empty for all of it.
    #[schema(required, example = "/audio")]
    rejected_pointer: Option<String>,
    /// The track, once it is ready.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    track_id: Option<TrackId>,
    /// Size of the audio.
    #[schema(example = 9_000_000)]
    size_bytes: i32,
    /// The parts of the audio, while the upload is open. Send those that are missing, in any order, several at once if
    /// you like.
    parts: Vec<UploadPartBody>,
    /// The picture, while the upload is open, if one was announced.
    #[schema(required)]
    cover: Option<UploadPartBody>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it is given up if it is not completed.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Some bytes of the file.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadPart)]
pub(crate) struct UploadPartBody {
    /// From 1.
    number: i32,
    /// Where in the file it begins.
    offset_bytes: i32,
    /// How long it is: exactly this many bytes have to be sent.
    size_bytes: i32,
    /// Whether it is there.
    uploaded: bool,
    /// Where to `PUT` it; null when it is there. Ask for the upload again when the time is over.
    #[schema(required, format = "uri")]
    url: Option<String>,
    /// Headers that must be sent along, as they are.
    headers: BTreeMap<String, String>,
    /// When the address stops working.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    url_expires_at: Option<Timestamp>,
}

/// How far an upload has come.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadStatus)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UploadStatusName {
    /// Parts are missing, or it was not completed yet.
    Open,
    /// Somebody looks at it.
    Processing,
    /// The track is there.
    Ready,
    /// No track came of it.
    Rejected,
}

impl From<DirectUploadView> for DirectUploadBody {
    fn from(view: DirectUploadView) -> Self {
        let DirectUploadView { upload, parts, cover } = view;
        let (rejected_pointer, rejected_reason) =
            upload.refusal.clone().map(|why| (why.pointer, why.code)).unzip();
        Self {
            id: upload.id,
            status: upload.status.into(),
            rejected_reason,
            rejected_pointer,
            track_id: (upload.status == UploadStatus::Ready).then(|| upload.track_id()),
            size_bytes: int32(upload.size_bytes),
            parts: parts.into_iter().map(Into::into).collect(),
            cover: cover.map(Into::into),
            created_at: upload.created_at,
            expires_at: upload.expires_at,
        }
    }
}

impl From<UploadStatus> for UploadStatusName {
    fn from(status: UploadStatus) -> Self {
        match status {
            UploadStatus::Open => Self::Open,
            UploadStatus::Processing | UploadStatus::Publishing => Self::Processing,
            UploadStatus::Ready => Self::Ready,
            UploadStatus::Rejected | UploadStatus::Aborted => Self::Rejected,
        }
    }
}

impl From<UploadPartView> for UploadPartBody {
    fn from(view: UploadPartView) -> Self {
        let UploadPartView { part, put } = view;
        let uploaded = put.is_none();
        let (signed, headers) = put.map(|put| (put.url, put.headers)).unzip();
        // What every client sends by itself, and pages may not set.
        let own = |name: &str| !["host", "content-length"].contains(&name);
        let headers = headers.into_iter().flatten().filter(|(name, _)| own(name)).collect();
        Self {
            number: int32(part.number.into()),
            offset_bytes: int32(part.offset_bytes),
            size_bytes: int32(part.size_bytes),
            uploaded,
            url_expires_at: signed.as_ref().map(|signed| signed.expires_at),
            url: signed.map(|signed| signed.url.into()),
            headers,
        }
    }
}
