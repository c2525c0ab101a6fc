//! Uploads that go straight to the media store, part by part.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AccountId, ArtistId, ContentType, Genre, MediaId, MediaKey, Title, TrackId, UploadId, Visibility,
};

/// The most parts that a file has: of larger files the parts are larger.
const MAX_PARTS: u64 = 100;

/// A file on its way into the catalogue. What it has sent waits in the media store, under keys that nobody
/// can read by a signed URL, until somebody has looked at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectUpload {
    /// Identifier; the track that comes of it has the same.
    pub id: UploadId,
    /// Who uploads.
    pub account_id: AccountId,
    /// Whose track it will be.
    pub artist_id: ArtistId,
    /// Size of the audio.
    pub size_bytes: u64,
    /// Size of every part but the last one.
    pub part_bytes: u64,
    /// The picture that comes with it, if one was announced.
    pub cover: Option<AnnouncedCover>,
    /// Default: the title in the file's tag.
    pub title: Option<Title>,
    /// Default: the genre in the file's tag.
    pub genre: Option<Genre>,
    /// Who may find and play the track.
    pub visibility: Visibility,
    /// How far it has come.
    pub status: UploadStatus,
    /// Why it was rejected.
    pub refusal: Option<Refusal>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it is given up if it was not completed by then.
    pub expires_at: Timestamp,
    /// Since when nothing can be sent to it but by URLs that were handed out before.
    pub closed_at: Option<Timestamp>,
    /// Until when it counts among the uploads that the account may have at once; `None` as long as it is
    /// under way.
    pub place_until: Option<Timestamp>,
    /// When somebody has to look after it.
    pub due_at: Timestamp,
    /// How often somebody began to, since its status changed.
    pub attempts: u32,
    /// Grows with every change.
    pub version: u64,
}

/// A picture that was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedCover {
    /// JPEG or PNG.
    pub kind: PictureKind,
    /// Its size.
    pub size_bytes: u64,
}

/// What pictures are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
}

impl PictureKind {
    /// The kind with this media type.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Jpeg, Self::Png].into_iter().find(|kind| kind.content_type().as_str() == name)
    }

    /// Its media type.
    pub fn content_type(self) -> ContentType {
        match self {
            Self::Jpeg => ContentType::ImageJpeg,
            Self::Png => ContentType::ImagePng,
        }
    }
}

/// Why nothing came of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What of it: `/audio`, `/cover`, `/title`, or empty for all of it.
    pub pointer: String,
    /// Stable code for clients.
    pub code: String,
}

/// How far a direct upload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadStatus {
    /// Parts are coming.
    Open,
    /// All parts are there; somebody looks at them.
    Processing,
    /// They are good and in their place: the track is about to be shown.
    Publishing,
    /// The track is there.
    Ready,
    /// It is no track; the reason says why.
    Rejected,
    /// It is not wanted any more.
    Aborted,
}

impl UploadStatus {
    /// Whether a track may still come of it.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Open | Self::Processing | Self::Publishing)
    }
}

/// Some bytes of the file, from this one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPart {
    /// From 1.
    pub number: u32,
    /// Where it begins.
    pub offset_bytes: u64,
    /// How long it is.
    pub size_bytes: u64,
    /// Where it waits.
    pub key: MediaKey,
}

impl DirectUpload {
    /// How large the parts of a file of this size are, that are to have at least so many bytes.
    pub fn part_bytes_of(size_bytes: u64, least: u64) -> u64 {
        least.max(1).max(size_bytes.div_ceil(MAX_PARTS))
    }

    /// The parts of the audio, in order.
    pub fn parts(&self) -> Vec<UploadPart> {
        let part_bytes = self.part_bytes.max(1);
        let part = |(number, offset_bytes): (u32, u64)| UploadPart {
            number,
            offset_bytes,
            size_bytes: part_bytes.min(self.size_bytes - offset_bytes),
            key: MediaKey::upload_part(self.id, number),
        };
        let offsets = std::iter::successors(Some(0_u64), |offset| offset.checked_add(part_bytes));
        (1..).zip(offsets.take_while(|offset| *offset < self.size_bytes)).map(part).collect()
    }

    /// The picture, as a part of its own.
    pub fn cover_part(&self) -> Option<UploadPart> {
        let AnnouncedCover { kind, size_bytes } = self.cover?;
        Some(UploadPart {
            number: 1,
            offset_bytes: 0,
            size_bytes,
            key: MediaKey::upload_cover(self.id, kind),
        })
    }

    /// Everything that is sent.
    pub fn all_parts(&self) -> Vec<UploadPart> {
        self.parts().into_iter().chain(self.cover_part()).collect()
    }

    /// The track that comes of it.
    pub fn track_id(&self) -> TrackId {
        self.id.as_uuid().into()
    }

    /// Where its media will stand: whoever begins again after a crash writes to the same place.
    pub fn media_id(&self) -> MediaId {
        self.id.as_uuid().into()
    }

    /// Nothing more comes of it but this.
    pub fn end(&mut self, status: UploadStatus, refusal: Option<Refusal>, now: Timestamp, place: Timestamp) {
        self.status = status;
        self.refusal = refusal;
        self.closed_at.get_or_insert(now);
        self.place_until = Some(place);
        self.due_at = now;
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const PART_BYTES: u64 = 8 << 20;

    fn upload(size_bytes: u64) -> DirectUpload {
        let now = Timestamp::UNIX_EPOCH;
        DirectUpload {
            id: Uuid::from_u128(7).into(),
            account_id: Uuid::from_u128(1).into(),
            artist_id: Uuid::from_u128(2).into(),
            size_bytes,
            part_bytes: DirectUpload::part_bytes_of(size_bytes, PART_BYTES),
            cover: None,
            title: None,
            genre: None,
            visibility: Visibility::Public,
            status: UploadStatus::Open,
            refusal: None,
            created_at: now,
            expires_at: now,
            closed_at: None,
            place_until: None,
            due_at: now,
            attempts: 0,
            version: 1,
        }
    }

    #[test]
    fn parts_cover_the_file_without_gap_or_overlap() {
        for (size, count) in [
            (1, 1),
            (PART_BYTES - 1, 1),
            (PART_BYTES, 1),
            (PART_BYTES + 1, 2),
            (100_000_000, 12),
            (MAX_PARTS * PART_BYTES + 1, 100),
            (u64::from(u32::MAX), 100),
        ] {
            let parts = upload(size).parts();
            assert_eq!(parts.len(), count, "{size}");
            let mut end = 0;
            for (number, part) in (1..).zip(&parts) {
                assert_eq!((part.number, part.offset_bytes), (number, end));
                assert!(part.size_bytes > 0);
                end += part.size_bytes;
            }
            assert_eq!(end, size);
        }
    }
}
