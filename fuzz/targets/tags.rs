//! Whatever claims to be an MP3 or a picture is judged: accepted, refused, but never a fault of ours.

#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use moodify_adapters::probe::{InProcessProbe, ProbeConfig};
use moodify_core::memory::SystemClock;
use moodify_core::port::{MediaProbe, ProbeError};
use moodify_fuzz::{only_escaping_panics_count, wait};
use tempfile::TempDir;

fn probe() -> &'static (InProcessProbe, TempDir) {
    static PROBE: OnceLock<(InProcessProbe, TempDir)> = OnceLock::new();
    PROBE.get_or_init(|| {
        let staging = tempfile::tempdir().unwrap();
        let probe = InProcessProbe::open(ProbeConfig::new(staging.path()), Arc::new(SystemClock)).unwrap();
        (probe, staging)
    })
}

fuzz_target!(init: only_escaping_panics_count(), |data: &[u8]| {
    let (probe, _) = probe();
    let body = || moodify_fuzz::body(data.to_vec());
    let as_audio = wait(probe.audio(body(), 1 << 20)).err();
    let as_cover = wait(probe.cover(body(), 1 << 20)).err();
    for refusal in [as_audio, as_cover] {
        assert!(!matches!(refusal, Some(ProbeError::Unavailable(_))), "{refusal:?}");
    }
});
