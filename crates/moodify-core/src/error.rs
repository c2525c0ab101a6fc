//! The one error of all services. `moodify-http` maps it to problem documents in one place.

use std::time::Duration;

use crate::model::page::foreign_cursor;
use crate::model::{FieldError, Invalid};
use crate::port::{
    BoxError, CatalogError, KeyStoreError, LibraryError, MailError, MediaError, OutboxError,
    PlaybackStoreError, ProbeError, PublishedKeysError, QueueError, RecipientStoreError, SendLogError,
    SignError, SyncHubError, Unavailable, UploadStoreError, UserStoreError,
};

/// Why a use case was not carried out. Unless a variant says otherwise, nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of the request are wrong.
    #[error("the request has invalid fields")]
    Invalid(Vec<FieldError>),
    /// The caller is not who the request needs, or is nobody.
    #[error("not authenticated: {0}")]
    Unauthenticated(AuthFailure),
    /// The caller may not do this; the code says why.
    #[error("forbidden: {code}")]
    Forbidden {
        /// Stable code: `artist_only`, …
        code: &'static str,
        /// One sentence for a person.
        message: &'static str,
    },
    /// There is no such thing, or none that the caller may know of.
    #[error("there is no such {what}")]
    NotFound {
        /// `track`, `playlist`, …
        what: &'static str,
    },
    /// It contradicts what is already there; the code says what.
    #[error("conflict: {code}")]
    Conflict {
        /// Stable code: `email_taken`, …
        code: &'static str,
        /// One sentence for a person.
        message: &'static str,
    },
    /// Somebody else changed it first.
    #[error("the version is stale: it is {current} now")]
    StaleVersion {
        /// The version it has.
        current: u64,
    },
    /// More bytes came than allowed.
    #[error("the upload is larger than {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// The body of the request could not be read to its end.
    #[error("the body could not be read: {0}")]
    Body(#[source] std::io::Error),
    /// Too many requests, or no room for this one right now.
    #[error("try again in {retry_after:?}")]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// A part that Moodify depends on does not work.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The identity provider does not do its part: nobody else's requests need it.
    #[error("the identity provider: {0}")]
    IdentityProvider(#[source] Unavailable),
    /// A fault in Moodify itself.
    #[error("internal error: {0}")]
    Internal(#[source] BoxError),
}

/// Why somebody is not authenticated. All of these may be told to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthFailure {
    /// There is no token.
    #[error("no access token was sent")]
    Missing,
    /// The token was never good.
    #[error("the token is not valid")]
    InvalidToken,
    /// The token was good once.
    #[error("the token has expired")]
    ExpiredToken,
    /// E-mail, password or role do not fit together; which one is not told.
    #[error("e-mail or password is wrong")]
    InvalidCredentials,
}

impl AuthFailure {
    /// Stable code for clients.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "unauthorized",
            Self::InvalidToken => "invalid_token",
            Self::ExpiredToken => "token_expired",
            Self::InvalidCredentials => "invalid_credentials",
        }
    }
}

impl Error {
    /// One wrong field.
    pub fn invalid(pointer: impl Into<String>, why: Invalid) -> Self {
        Self::Invalid(vec![why.at(pointer)])
    }

    /// A fault in Moodify itself.
    pub fn internal(source: impl Into<BoxError>) -> Self {
        Self::Internal(source.into())
    }
}

impl From<AuthFailure> for Error {
    fn from(failure: AuthFailure) -> Self {
        Self::Unauthenticated(failure)
    }
}

impl From<UserStoreError> for Error {
    fn from(error: UserStoreError) -> Self {
        match error {
            UserStoreError::EmailTaken => {
                Self::Conflict { code: "email_taken", message: "An account with this e-mail address exists." }
            }
            UserStoreError::IdentityTaken => Self::Conflict {
                code: "other_identity_linked",
                message: "Somebody else from there signs in to this account.",
            },
            UserStoreError::Unavailable(fault) => fault.into(),
        }
    }
}

impl From<CatalogError> for Error {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NotFound { what } => Self::NotFound { what },
            CatalogError::StaleVersion { current } => Self::StaleVersion { current },
            CatalogError::Processing => Self::Conflict {
                code: "track_processing",
                message: "The track is still being processed; try again when it is ready.",
            },
            CatalogError::PlaceLost => {
                let message = "The list was put in order anew: begin again without a cursor.";
                Self::invalid("/cursor", Invalid::new("invalid_cursor", message))
            }
            CatalogError::Full => Self::Conflict { code: "playlist_full", message: "The playlist is full." },
            CatalogError::Unavailable(fault) => fault.into(),
        }
    }
}

impl From<LibraryError> for Error {
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::NotFound { what } => Self::NotFound { what },
            LibraryError::PlayIdTaken => Self::Conflict {
                code: "play_id_taken",
                message: "This play_id names a play of another track.",
            },
            LibraryError::NoSuchPlace => Self::invalid("/since", foreign_cursor()),
            LibraryError::Unavailable(fault) => fault.into(),
        }
    }
}

impl From<MediaError> for Error {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::NotFound | MediaError::OutOfRange { .. } => Self::NotFound { what: "media" },
            MediaError::Body(fault) => Self::Body(fault),
            MediaError::Unavailable(fault) => fault.into(),
        }
    }
}

macro_rules! only_unavailable {
    ($($error:ident),*) => {$(
        impl From<$error> for Error {
            fn from($error::Unavailable(fault): $error) -> Self {
                fault.into()
            }
        }
    )*};
}

only_unavailable!(
    KeyStoreError,
    OutboxError,
    PublishedKeysError,
    QueueError,
    RecipientStoreError,
    SendLogError,
    SignError,
    SyncHubError,
    UploadStoreError
);

impl From<PlaybackStoreError> for Error {
    fn from(error: PlaybackStoreError) -> Self {
        match error {
            PlaybackStoreError::Conflict => Self::Conflict {
                code: "playback_changed",
                message: "Another command changed the playback at the same time.",
            },
            PlaybackStoreError::Unavailable(fault) => fault.into(),
        }
    }
}

impl From<MailError> for Error {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Refused { .. } => Self::internal(error),
            MailError::Unavailable(fault) => fault.into(),
            later @ (MailError::Limited { .. } | MailError::Unanswered { .. }) => {
                Unavailable::passing(later).into()
            }
        }
    }
}

/// A refused file becomes an invalid field: the caller says which one.
pub(crate) fn refused_upload(error: ProbeError, pointer: &str) -> Error {
    match error {
        ProbeError::Rejected(rejection) => Error::Invalid(vec![FieldError {
            pointer: pointer.to_owned(),
            code: rejection.code(),
            message: "The file is not an acceptable one.".to_owned(),
        }]),
        ProbeError::TooLarge { max_bytes } => Error::TooLarge { max_bytes },
        ProbeError::Body(fault) => Error::Body(fault),
        ProbeError::Unavailable(fault) => fault.into(),
    }
}
