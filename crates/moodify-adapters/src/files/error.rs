use std::error::Error as _;
use std::io;

use moodify_core::port::{MediaError, Unavailable};

/// A full disk may have room later; missing rights stay missing.
pub(super) fn media_error(error: object_store::Error) -> MediaError {
    if let object_store::Error::NotFound { .. } = error {
        return MediaError::NotFound;
    }
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let lasting = causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        matches!(cause.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
    });
    MediaError::Unavailable(Unavailable { retryable: !lasting, source: Box::new(error) })
}
