//! What can be wrong with a field: the codes in `errors` of a `validation_failed`.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::json;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use super::problems::{example, problem};

/// One code, with a field that it may be said of.
struct Field {
    code: &'static str,
    pointer: &'static str,
    message: &'static str,
}

impl Field {
    fn documented(&self) -> (String, RefOr<Response>) {
        let Self { code, pointer, message } = self;
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let mut body = example(status, "validation_failed", "The request has invalid fields.");
        body["errors"] = json!([{ "pointer": pointer, "code": code, "message": message }]);
        problem(status, code, message, body)
    }
}

macro_rules! fields {
    ($($name:ident = $code:literal $pointer:literal $message:literal;)*) => {$(
        const $name: Field = Field { code: $code, pointer: $pointer, message: $message };
    )*};
}

fields! {
    REQUIRED = "required" "/title" "This is missing, or empty.";
    UNKNOWN_FIELD = "unknown_field" "/is_admin" "There is no such field.";
    DUPLICATE_FIELD = "duplicate_field" "/title" "This field stands here twice.";
    INVALID_TYPE = "invalid_type" "/title" "This has the wrong type.";
    INVALID_VALUE = "invalid_value" "/sort" "This value is not accepted here.";
    INVALID_ID = "invalid_id" "/track_ids/0" "This is not an identifier.";
    INVALID_CURSOR = "invalid_cursor" "/cursor" "This cursor does not belong to this list, or not any more.";
    OUT_OF_RANGE = "out_of_range" "/limit" "A page has 1 to 100 items.";
    TOO_LONG = "too_long" "/title" "This is too long.";
    CONTROL_CHARACTER = "control_character" "/title" "Control characters are not allowed here.";
    LOOKS_LIKE_LINK = "looks_like_link" "/first_name" "This reads like a link: put a space behind the dot.";
    INVALID_UTF8 = "invalid_utf8" "/title" "This is not text in UTF-8.";
    INVALID_EMAIL = "invalid_email" "/email" "This is not an e-mail address.";
    PASSWORD_TOO_SHORT = "password_too_short" "/password" "A password needs at least 10 characters.";
    PASSWORD_TOO_LONG = "password_too_long" "/password" "A password has at most 1024 characters.";
    PASSWORD_TOO_COMMON = "password_too_common" "/password" "Many people use this password.";
    PASSWORD_CONTAINS_OWN_WORDS =
        "password_contains_own_words" "/password" "This is little more than your name, your address or ours.";
    WRONG_PASSWORD = "wrong_password" "/current_password" "This is not the current password.";
    TOKEN_INVALID = "token_invalid" "/token" "The link is not good, or not any more.";
    NOT_AN_ARTIST = "not_an_artist" "/artist_name" "Only artists have such a name.";
    INVALID_VISIBILITY = "invalid_visibility" "/visibility" "Use public, unlisted or private.";
    UNSUPPORTED_TYPE = "unsupported_type" "/content_type" "Files of this type are not taken.";
    UNKNOWN_TRACK = "unknown_track" "/track_ids/0" "There is no such track.";
    TOO_MANY = "too_many" "/track_ids" "At most 100 tracks at once.";
    INVALID_RETURN_TO = "invalid_return_to" "/return_to" "Name a page of this site by its path, such as /library.";
    INVALID_DATE = "invalid_date" "/from" "Write a date like 2026-11-22.";
    BEFORE_FROM = "before_from" "/to" "The last day comes before the first one.";
    RANGE_TOO_LONG = "range_too_long" "/to" "These are too many days at once.";
    INVALID_PLAY_ID = "invalid_play_id" "/play_id" "This is no name of a play.";
    INVALID_DEVICE_ID = "invalid_device_id" "/device_id" "This is no name of a device.";
    INVALID_TIME = "invalid_time" "/started_at" "Write a time like 2026-11-22T11:55:00Z.";
    IN_THE_FUTURE = "in_the_future" "/started_at" "This play has not begun yet.";
    TOO_LONG_AGO = "too_long_ago" "/started_at" "Plays are reported within 24 hours.";
    EMPTY_FILE = "empty_file" "/audio" "The file is empty.";
    UNSUPPORTED_MEDIA = "unsupported_media" "/audio" "The file is of another kind than those that are taken.";
    DAMAGED_MEDIA = "damaged_media" "/audio" "The file cannot be decoded from start to end.";
    MEDIA_LIMIT_EXCEEDED = "media_limit_exceeded" "/cover" "The track is too long, or the picture too large.";
    MEDIA_TOO_COSTLY = "media_too_costly" "/audio" "Decoding the file takes too much time or memory.";
}

macro_rules! groups {
    ($($(#[doc = $doc:literal])* $name:ident = [$($field:ident),+ $(,)?];)*) => {$(
        $(#[doc = $doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$($field),+].iter().map(Field::documented).collect()
            }
        }
    )*};
}

groups! {
    /// Of every JSON body.
    OfJson = [REQUIRED, UNKNOWN_FIELD, DUPLICATE_FIELD, INVALID_TYPE, INVALID_VALUE];
    /// Of every form.
    OfForm = [REQUIRED, UNKNOWN_FIELD, DUPLICATE_FIELD];
    /// Of every query.
    OfQuery = [UNKNOWN_FIELD, DUPLICATE_FIELD];
    /// Of a list's `limit`.
    OfLimit = [INVALID_TYPE, OUT_OF_RANGE];
    /// Of a list's cursor.
    OfCursor = [INVALID_CURSOR];
    /// Of names and titles.
    OfTexts = [REQUIRED, TOO_LONG, CONTROL_CHARACTER];
    /// Of the names of a person, beside what is wrong with any text.
    OfPersonName = [LOOKS_LIKE_LINK];
    /// Of the words of a search.
    OfSearch = [TOO_LONG];
    /// Of one of a few values.
    OfChoice = [INVALID_VALUE];
    /// Of an identifier.
    OfId = [INVALID_ID];
    /// Of an e-mail address.
    OfEmail = [INVALID_EMAIL];
    /// Of a password that somebody chooses.
    OfNewPassword =
        [PASSWORD_TOO_SHORT, PASSWORD_TOO_LONG, PASSWORD_TOO_COMMON, PASSWORD_CONTAINS_OWN_WORDS];
    /// Of the password that somebody has.
    OfCurrentPassword = [WRONG_PASSWORD];
    /// Of the token of a link in a mail.
    OfMailToken = [TOKEN_INVALID];
    /// Of an artist's name when its bearer is a listener.
    OfArtistName = [NOT_AN_ARTIST];
    /// Of the page that a sign-in returns to.
    OfReturnTo = [INVALID_RETURN_TO];
    /// Of a visibility.
    OfVisibility = [INVALID_VISIBILITY];
    /// Of a list of tracks.
    OfTrackIds = [INVALID_ID, UNKNOWN_TRACK, TOO_MANY];
    /// Of the first and last day of statistics.
    OfDays = [INVALID_DATE, BEFORE_FROM, RANGE_TOO_LONG];
    /// Of a play.
    OfPlay = [INVALID_PLAY_ID, INVALID_DEVICE_ID, INVALID_TIME, IN_THE_FUTURE, TOO_LONG_AGO];
    /// Of what is announced of a direct upload.
    OfDirectUpload = [UNSUPPORTED_TYPE, OUT_OF_RANGE];
    /// Of the files and texts of an upload.
    OfUpload = [
        INVALID_UTF8, EMPTY_FILE, UNSUPPORTED_MEDIA, DAMAGED_MEDIA, MEDIA_LIMIT_EXCEEDED, MEDIA_TOO_COSTLY,
    ];
}
