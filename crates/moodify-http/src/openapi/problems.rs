//! Problems as the document shows them. A handler lists the types of those that only it can
//! answer with; [`super::complete`] adds what follows from the shape of an operation.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};
use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder};

use crate::problem::PROBLEM_JSON;

macro_rules! problems {
    ($($(#[doc = $doc:literal])* $name:ident = $status:ident $code:literal;)*) => {$(
        $(#[doc = $doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let status = StatusCode::$status;
                let text = concat!($($doc),*).trim();
                BTreeMap::from([problem(status, $code, text, example(status, $code, text))])
            }
        }
    )*};
}

problems! {
    /// An account with this e-mail address exists.
    EmailTaken = CONFLICT "email_taken";
    /// E-mail or password is wrong, or the account is of the other kind: all look the same.
    InvalidCredentials = UNAUTHORIZED "invalid_credentials";
    /// This deployment signs nobody in through an identity provider.
    IdentityProviderNotFound = NOT_FOUND "identity_provider_not_found";
    /// The identity provider does not answer, or not as it should: sign in otherwise, or later.
    IdentityProviderUnavailable = SERVICE_UNAVAILABLE "identity_provider_unavailable";
    /// This account is an artist's already.
    AlreadyArtist = CONFLICT "already_artist";
    /// You have no such session.
    SessionNotFound = NOT_FOUND "session_not_found";
    /// A session in a cookie was asked for, or used, by a page of another site.
    CrossSiteRequest = FORBIDDEN "cross_site_request";
    /// Only artists may do this.
    ArtistOnly = FORBIDDEN "artist_only";
    /// It belongs to somebody else.
    NotOwner = FORBIDDEN "not_owner";
    /// There is nothing at this address here.
    NotFound = NOT_FOUND "not_found";
    /// There is no such track, or none that you may know of.
    TrackNotFound = NOT_FOUND "track_not_found";
    /// Its upload is not finished: try again when it is ready.
    TrackProcessing = CONFLICT "track_processing";
    /// There is no such artist.
    ArtistNotFound = NOT_FOUND "artist_not_found";
    /// The track has no cover.
    CoverNotFound = NOT_FOUND "cover_not_found";
    /// There is no such playlist, or none that you may know of.
    PlaylistNotFound = NOT_FOUND "playlist_not_found";
    /// There is no such entry in the playlist.
    EntryNotFound = NOT_FOUND "entry_not_found";
    /// This `play_id` names a play of another track.
    PlayIdTaken = CONFLICT "play_id_taken";
    /// You have no such upload, or not any more.
    UploadNotFound = NOT_FOUND "upload_not_found";
    /// As many uploads of yours are under way as you may have: complete or abort some.
    TooManyUploads = CONFLICT "too_many_uploads";
    /// Parts were not sent, or not with the right length; the upload says which.
    PartsMissing = CONFLICT "parts_missing";
    /// The upload has become a track: delete that.
    UploadFinished = CONFLICT "upload_finished";
    /// The playlist is full.
    PlaylistFull = CONFLICT "playlist_full";
    /// The address was not made here, or was changed.
    InvalidSignature = FORBIDDEN "invalid_signature";
    /// The time of the address is over.
    UrlExpired = FORBIDDEN "url_expired";
    /// The object is gone.
    MediaNotFound = NOT_FOUND "media_not_found";
    /// No part of the object lies in the range; `Content-Range` says how long it is.
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE "range_not_satisfiable";

    /// No token was sent.
    Unauthorized = UNAUTHORIZED "unauthorized";
    /// The token is not good, or not any more.
    InvalidToken = UNAUTHORIZED "invalid_token";
    /// The token was good once.
    TokenExpired = UNAUTHORIZED "token_expired";
    /// The cookie of the session is there twice.
    AmbiguousCookie = BAD_REQUEST "ambiguous_cookie";
    /// The request names two hosts.
    AmbiguousHost = BAD_REQUEST "ambiguous_host";
    /// `If-Match` holds something else than one version.
    MalformedIfMatch = BAD_REQUEST "malformed_if_match";
    /// Somebody else changed it first; `current_version` says what it is now.
    StaleVersion = PRECONDITION_FAILED "stale_version";
    /// The body broke off, or is not framed as HTTP demands.
    MalformedBody = BAD_REQUEST "malformed_body";
    /// The body is not JSON.
    MalformedJson = BAD_REQUEST "malformed_json";
    /// The body is not a well-formed form.
    MalformedMultipart = BAD_REQUEST "malformed_multipart";
    /// The body came too slowly.
    RequestTimeout = REQUEST_TIMEOUT "request_timeout";
    /// The body, or a file in it, is too large.
    TooLarge = PAYLOAD_TOO_LARGE "payload_too_large";
    /// The content type is wrong.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type";
    /// Too many requests; `Retry-After` says when to come back.
    RateLimited = TOO_MANY_REQUESTS "rate_limited";
    /// A fault on our side.
    Internal = INTERNAL_SERVER_ERROR "internal_error";
    /// A part of the service does not answer right now.
    Unavailable = SERVICE_UNAVAILABLE "unavailable";
    /// This took too long.
    Timeout = SERVICE_UNAVAILABLE "timeout";
}

/// One problem under its status and code: several of one status stand beside each other until
/// [`super::gather`] puts them together.
pub(super) fn problem(
    status: StatusCode,
    code: &str,
    text: &str,
    example: Value,
) -> (String, RefOr<Response>) {
    let header = |text: &str| HeaderBuilder::new().description(Some(text)).build();
    let content = ContentBuilder::new().example(Some(example)).build();
    let response = ResponseBuilder::new().description(text).content(PROBLEM_JSON, content);
    let response = match status {
        StatusCode::UNAUTHORIZED => response.header("WWW-Authenticate", header("How to authenticate.")),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            response.header("Retry-After", header("Seconds until it is worth trying again."))
        }
        _ => response,
    };
    (format!("{} {code}", status.as_str()), response.build().into())
}

pub(super) fn example(status: StatusCode, code: &str, text: &str) -> Value {
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": text,
        "code": code,
        "request_id": "019b76da-a800-7000-8000-000000000000",
    });
    if status == StatusCode::PRECONDITION_FAILED {
        body["current_version"] = json!(7);
    }
    body
}
