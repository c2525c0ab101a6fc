//! Whatever a socket sends is read or refused, and whatever is read leaves a state that makes sense.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use moodify_core::model::PlaybackVersion;
use moodify_core::service::playback::{Connection, Outcome, Turn};
use moodify_fuzz::{platform, wait};
use serde_json::Value;

fn connection() -> &'static Connection {
    static CONNECTION: OnceLock<Connection> = OnceLock::new();
    CONNECTION.get_or_init(|| {
        wait(async {
            let services = &platform().moodify;
            let caller = services.accounts().authenticate(platform().token()).await.unwrap();
            let (connection, signals) = services.playback().connect(&caller).await.unwrap().unwrap();
            // Held for as long as the connection: dropping them would end it.
            std::mem::forget(signals);
            connection
        })
    })
}

fuzz_target!(|data: &[u8]| {
    // A history: one message a line.
    for line in data.split(|byte| *byte == b'\n').take(32) {
        let Ok(payload) = serde_json::from_slice::<Value>(line) else { continue };
        let Some(command) = moodify_http::sync::fuzzing::read(&payload) else { continue };
        let outcome = wait(platform().moodify.playback().command(connection(), Turn::Next(command)));
        if let Outcome::Applied { applied, .. } = outcome.unwrap() {
            let PlaybackVersion { rev, .. } = applied.version;
            assert!(rev > 0, "a command that was applied is a revision");
        }
    }
});
