//! Problems as the document shows them. A handler lists the types of those that only it can
//! answer with; [`super::complete`] adds what follows from the shape of an operation.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};
use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::problem::PROBLEM_JSON;

macro_rules! problems {
    ($($(#[doc = $doc:literal])* $name:ident = $status:ident $code:literal;)*) => {$(
        $(#[doc = $doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let status = StatusCode::$status;
                let text = concat!($($doc),*).trim();
                let response = problem(status, $code, text);
                BTreeMap::from([(status.as_str().to_owned(), response.into())])
            }
        }
    )*};
}

problems! {
    /// An account with this e-mail address exists.
    EmailTaken = CONFLICT "email_taken";
    /// E-mail or password is wrong, or the account is of the other kind: all look the same.
    InvalidCredentials = UNAUTHORIZED "invalid_credentials";
    /// This account is an artist's already.
    AlreadyArtist = CONFLICT "already_artist";
    /// You have no such session.
    SessionNotFound = NOT_FOUND "session_not_found";
    /// The refresh token is not good, or not any more.
    InvalidRefreshToken = UNAUTHORIZED "invalid_token";
    /// A session in a cookie was asked for, or used, by a page of another site.
    CrossSiteRequest = FORBIDDEN "cross_site_request";
    /// Only artists may do this.
    ArtistOnly = FORBIDDEN "artist_only";
    /// It belongs to somebody else.
    NotOwner = FORBIDDEN "not_owner";
    /// They are not shown here.
    NoMetrics = NOT_FOUND "not_found";
    /// There is no such track, or none that you may know of.
    TrackNotFound = NOT_FOUND "track_not_found";
    /// Its upload is not finished: try again when it is ready.
    TrackProcessing = CONFLICT "track_processing";
    /// There is no such artist.
    ArtistNotFound = NOT_FOUND "artist_not_found";
    /// There is no such track that plays, or it has no cover.
    CoverNotFound = NOT_FOUND "cover_not_found";
    /// There is no such playlist, or none that you may know of.
    PlaylistNotFound = NOT_FOUND "playlist_not_found";
    /// There is no such playlist, or no such entry in it.
    EntryNotFound = NOT_FOUND "entry_not_found";
    /// This `play_id` names a play of another track.
    PlayIdTaken = CONFLICT "play_id_taken";
    /// The playlist is full.
    PlaylistFull = CONFLICT "playlist_full";
    /// Somebody else changed it first; `current_version` says what it is now.
    StaleVersion = PRECONDITION_FAILED "stale_version";
    /// The address was not made here or was changed (`invalid_signature`), or its time is over
    /// (`url_expired`).
    BadMediaUrl = FORBIDDEN "url_expired";
    /// The object is gone.
    MediaNotFound = NOT_FOUND "media_not_found";
    /// No part of the object lies in the range; `Content-Range` says how long it is.
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE "range_not_satisfiable";
    /// `If-Match` holds something else than one version.
    MalformedIfMatch = BAD_REQUEST "malformed_if_match";
}

/// What follows from the shape of an operation.
pub(super) mod general {
    use super::problems_of;

    problems_of! {
        UNAUTHENTICATED = UNAUTHORIZED "unauthorized" "No access token was sent, or no good one.";
        MALFORMED_JSON = BAD_REQUEST "malformed_json" "The body is not JSON.";
        MALFORMED_MULTIPART = BAD_REQUEST "malformed_multipart" "The body is not a well-formed form.";
        REQUEST_TIMEOUT = REQUEST_TIMEOUT "request_timeout" "The body came too slowly.";
        TOO_LARGE = PAYLOAD_TOO_LARGE "payload_too_large" "The body, or a file in it, is too large.";
        UNSUPPORTED_MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "The content type is wrong.";
        INVALID = UNPROCESSABLE_ENTITY "validation_failed" "Something in the request is invalid; `errors` says what.";
        RATE_LIMITED = TOO_MANY_REQUESTS "rate_limited" "Too many requests; `Retry-After` says when to come back.";
        INTERNAL = INTERNAL_SERVER_ERROR "internal_error" "A fault on our side.";
        UNAVAILABLE = SERVICE_UNAVAILABLE "unavailable" "A part of the service does not answer right now.";
    }
}

/// A problem that many operations share.
#[derive(Clone, Copy)]
pub(super) struct General {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) text: &'static str,
}

macro_rules! problems_of {
    ($($name:ident = $status:ident $code:literal $text:literal;)*) => {$(
        pub(crate) const $name: crate::openapi::problems::General = crate::openapi::problems::General {
            status: http::StatusCode::$status,
            code: $code,
            text: $text,
        };
    )*};
}
use problems_of;

/// How one problem is documented.
pub(super) fn problem(status: StatusCode, code: &str, text: &str) -> Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(example(status, code, text)))
        .build();
    let header = |text: &str| HeaderBuilder::new().description(Some(text)).build();
    let response = ResponseBuilder::new().description(text).content(PROBLEM_JSON, content);
    match status {
        StatusCode::UNAUTHORIZED => response.header("WWW-Authenticate", header("How to authenticate.")),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            response.header("Retry-After", header("Seconds until it is worth trying again."))
        }
        _ => response,
    }
    .build()
}

fn example(status: StatusCode, code: &str, text: &str) -> Value {
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": text,
        "code": code,
        "request_id": "019b76da-a800-7000-8000-000000000000",
    });
    if status == StatusCode::UNPROCESSABLE_ENTITY {
        body["errors"] = json!([{
            "pointer": "/title", "code": "too_long", "message": "This must not be longer than 200 characters."
        }]);
    }
    if status == StatusCode::PRECONDITION_FAILED {
        body["current_version"] = json!(7);
    }
    body
}
