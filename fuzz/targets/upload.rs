//! Whatever arrives as a multipart upload is answered, and a refusal leaves nothing in the store.

#![no_main]

use axum::body::Bytes;
use http::{Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use moodify_fuzz::{only_escaping_panics_count, platform, wait};

fuzz_target!(init: only_escaping_panics_count(), |data: &[u8]| {
    let platform = platform();
    let stored = wait(platform.stored());
    let request = Request::post("/v1/tracks").header("content-type", "multipart/form-data; boundary=X");
    let status = wait(platform.send(request, Bytes::copy_from_slice(data)));
    if status != Some(StatusCode::CREATED) {
        assert_eq!(wait(platform.stored()), stored, "a refusal left something behind");
    }
});
