//! How a driver's fault becomes a port's error.

/// Lets `?` turn a database's own fault into the error of each port that a database stands behind.
macro_rules! unavailable_from {
    ($fault:ty) => {
        $crate::faults::unavailable_from!(
            $fault:
            CatalogError,
            KeyStoreError,
            LibraryError,
            OutboxError,
            PlaybackStoreError,
            QueueError,
            RecipientStoreError,
            SendLogError,
            UploadStoreError,
            UserStoreError
        );
    };
    ($fault:ty: $($error:ident),*) => {$(
        impl From<$fault> for moodify_core::port::$error {
            fn from(fault: $fault) -> Self {
                Self::Unavailable(fault.into())
            }
        }
    )*};
}

pub(crate) use unavailable_from;
