//! Whatever comes as a cursor or another parameter of a list is answered.

#![no_main]

use axum::body::Body;
use http::Request;
use libfuzzer_sys::fuzz_target;
use moodify_fuzz::{platform, wait};

/// Lists with a cursor.
const LISTS: [&str; 10] = [
    "/v1/tracks?cursor=",
    "/v1/tracks?sort=popular&cursor=",
    "/v1/tracks?sort=title&cursor=",
    "/v1/playlists?owner=me&cursor=",
    "/v1/tracks?",
    "/v1/artists?cursor=",
    "/v1/me/likes?cursor=",
    "/v1/me/follows?cursor=",
    "/v1/me/history?cursor=",
    "/v1/changes?since=",
];

fuzz_target!(|data: &[u8]| {
    let Some((list, data)) = data.split_first() else { return };
    let list = LISTS[usize::from(*list) % LISTS.len()];
    // As it is, and as the text inside a cursor: both reach the parser.
    let plain = String::from_utf8_lossy(data);
    for parameter in [plain.into_owned(), moodify_fuzz::base64url(data)] {
        wait(platform().send(Request::get(format!("{list}{parameter}")), Body::empty()));
    }
});
