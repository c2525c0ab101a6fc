use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use image::{DynamicImage, ImageFormat};
use moodify_adapters::probe::{ProbeConfig, ProbeLimits, ProcessProbe, Program};
use moodify_core::memory::FixedClock;
use moodify_core::port::{MediaProbe, ProbeError, Rejection};

use crate::fixture::{Fixture, body, child_program, in_process, limits, probes, process, rejection, sample};

fn shell(script: &str) -> Program {
    Program { path: "/bin/sh".into(), args: vec!["-c".to_owned(), script.to_owned()] }
}

/// 40 minutes of sound, 20 MB.
fn long_file() -> Vec<u8> {
    sample("cbr-mono-untagged.mp3").repeat(600)
}

fn kinds(limits: &ProbeLimits) -> [Fixture; 2] {
    [in_process(limits.clone()), process(limits.clone(), child_program())]
}

#[tokio::test]
async fn a_body_without_end_is_cut_off_at_the_limit() {
    for fixture in probes() {
        let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[0; 1000]))).boxed();
        match fixture.probe.audio(endless, 5500).await {
            Err(ProbeError::TooLarge { max_bytes: 5500 }) => {}
            other => panic!("{other:?}"),
        }
        fixture.assert_nothing_staged();
    }
}

#[tokio::test]
async fn exactly_the_limit_is_not_too_large() {
    let file = sample("cover.jpg");
    for fixture in probes() {
        let len = file.len() as u64;
        assert!(fixture.probe.cover(body(&file), len).await.is_ok());
        let refused = fixture.probe.cover(body(&file), len - 1).await;
        assert!(matches!(refused, Err(ProbeError::TooLarge { .. })), "{refused:?}");
        fixture.assert_nothing_staged();
    }
}

#[tokio::test]
async fn a_torn_body_is_told_apart_from_a_bad_file() {
    for fixture in probes() {
        let chunks = [Ok(Bytes::from_static(b"\xFF\xFB")), Err(std::io::Error::other("connection lost"))];
        let torn = fixture.probe.audio(stream::iter(chunks).boxed(), 5500).await;
        assert!(matches!(torn, Err(ProbeError::Body(_))), "{torn:?}");
        fixture.assert_nothing_staged();
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_nothing() {
    for fixture in probes() {
        let started = stream::iter([Ok(Bytes::from_static(b"\xFF\xFB"))]).chain(stream::pending());
        let upload = fixture.probe.audio(started.boxed(), 5500);
        assert!(upload.now_or_never().is_none());
        fixture.assert_nothing_staged();
    }
}

#[tokio::test]
async fn what_plays_too_long_is_refused() {
    let limits = ProbeLimits { max_duration: Duration::from_secs(6), ..limits() };
    for fixture in kinds(&limits) {
        assert!(fixture.audio(&sample("vbr-stereo-id3v24-cover.mp3")).await.is_ok());
        let refused = fixture.audio(&sample("cbr-stereo-id3v23.mp3")).await;
        assert_eq!(rejection(refused), Rejection::LimitExceeded);
    }
}

#[tokio::test]
async fn a_long_file_is_decoded_in_stretches_but_walked_to_its_end() {
    let limits = ProbeLimits { decoded: Duration::from_secs(60), ..limits() };
    let file = long_file();
    let torn = &file[..file.len() - 1];
    for fixture in kinds(&limits) {
        let probed = fixture.audio(&file).await.unwrap();
        assert_eq!(probed.info.duration_ms, 2_429_388);
        drop(probed);
        assert_eq!(rejection(fixture.audio(torn).await), Rejection::Damaged);
    }
}

#[tokio::test]
async fn a_large_embedded_cover_is_left_out() {
    let limits = ProbeLimits { max_embedded_cover: 1000, ..limits() };
    for fixture in kinds(&limits) {
        let probed = fixture.audio(&sample("vbr-stereo-id3v24-cover.mp3")).await.unwrap();
        assert_eq!(probed.tags.cover, None);
        assert_eq!(probed.tags.title.as_deref(), Some("Slow Tide"));
    }
}

#[tokio::test]
async fn time_over_in_this_process_is_too_costly() {
    let staging = tempfile::tempdir().unwrap();
    let limits = ProbeLimits { wall_time: Duration::ZERO, ..limits() };
    let config = ProbeConfig { limits, ..ProbeConfig::new(staging.path()) };
    let clock = Arc::new(FixedClock::default());
    let probe = moodify_adapters::probe::InProcessProbe::open(config, clock).unwrap();
    let file = long_file();
    let refused = probe.audio(body(&file), u64::MAX).await;
    assert_eq!(rejection(refused), Rejection::TooCostly);
    assert_eq!(std::fs::read_dir(staging.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_child_that_hangs_is_killed() {
    let (staging, notes) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pid_file = notes.path().join("pid");
    let script = format!("echo $$ > '{}'; exec sleep 600", pid_file.display());
    let clock = Arc::new(FixedClock::default());
    let config = ProbeConfig::new(staging.path());
    let wall_time = config.limits.wall_time;
    let probe = ProcessProbe::open(config, shell(&script), clock.clone()).unwrap();

    let file = sample("cover.jpg");
    let waiting = async {
        let pid = until(|| std::fs::read_to_string(&pid_file).ok()?.trim().parse::<u32>().ok()).await;
        clock.advance(wall_time);
        pid
    };
    let (refused, pid) = tokio::join!(probe.cover(body(&file), u64::MAX), waiting);
    assert_eq!(rejection(refused), Rejection::TooCostly);
    until(|| (!is_running(pid)).then_some(())).await;
    assert_eq!(std::fs::read_dir(staging.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_child_whose_caller_goes_away_is_killed() {
    let notes = tempfile::tempdir().unwrap();
    let pid_file = notes.path().join("pid");
    let script = format!("echo $$ > '{}'; exec sleep 600", pid_file.display());
    let fixture = process(limits(), shell(&script));
    let file = sample("cover.jpg");
    let pid = tokio::select! {
        _ = fixture.probe.cover(body(&file), u64::MAX) => panic!("a hanging child answered"),
        pid = until(|| std::fs::read_to_string(&pid_file).ok()?.trim().parse::<u32>().ok()) => pid,
    };
    until(|| (!is_running(pid)).then_some(())).await;
    fixture.assert_nothing_staged();
}

#[tokio::test]
async fn a_child_that_computes_too_long_ends_itself() {
    let a_day = Duration::from_secs(24 * 60 * 60);
    let limits = ProbeLimits { cpu_seconds: 1, decoded: a_day, wall_time: a_day, ..limits() };
    let fixture = process(limits, child_program());
    // Far more sound than any processor decodes in a second.
    let file = sample("cbr-mono-untagged.mp3").repeat(2900);
    assert_eq!(rejection(fixture.audio(&file).await), Rejection::TooCostly);
}

#[tokio::test]
async fn a_child_that_takes_too_much_memory_ends_itself() {
    let limits = ProbeLimits { address_space: 30 << 20, ..limits() };
    let fixture = process(limits, child_program());
    // Within what pixels may take, too large with all the rest.
    let mut file = std::io::Cursor::new(Vec::new());
    DynamicImage::new_rgba8(3600, 1456).write_to(&mut file, ImageFormat::Png).unwrap();
    assert_eq!(rejection(fixture.cover(file.get_ref()).await), Rejection::TooCostly);
    assert!(fixture.cover(&sample("cover.png")).await.is_ok(), "an honest picture fits");
}

#[tokio::test]
async fn a_child_that_never_stops_talking_is_not_listened_to() {
    let fixture = process(limits(), shell("exec cat /dev/zero"));
    assert_eq!(rejection(fixture.cover(&sample("cover.jpg")).await), Rejection::TooCostly);
}

#[tokio::test]
async fn a_child_that_fails_is_no_fault_of_the_file() {
    let missing = Program { path: "/nowhere/moodify-probe".into(), args: Vec::new() };
    for (program, words) in [
        (missing, "/nowhere/moodify-probe"),
        (shell("echo out of order >&2; exit 7"), "out of order"),
        // The environment holds secrets: none of it gets there.
        (shell("echo \"[$CARGO_MANIFEST_DIR]\" >&2; exit 1"), "[]"),
        (shell("echo nonsense"), "makes no sense"),
        (shell("exit 0"), "makes no sense"),
        (child_with(&["audio"]), "expected"),
    ] {
        let fixture = process(limits(), program);
        match fixture.cover(&sample("cover.jpg")).await {
            Err(ProbeError::Unavailable(fault)) => {
                assert!(!fault.retryable);
                assert!(fault.to_string().contains(words), "{fault}");
            }
            other => panic!("{words}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn no_more_children_run_at_once_than_allowed() {
    let (staging, notes) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // A child that meets another one complains; one that does not says nothing.
    let script = format!(
        "mkdir '{0}' || exit 9; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; rmdir '{0}'",
        notes.path().join("busy").display()
    );
    let config = ProbeConfig { parallelism: 1, ..ProbeConfig::new(staging.path()) };
    let clock = Arc::new(FixedClock::default());
    let probe = ProcessProbe::open(config, shell(&script), clock).unwrap();
    let file = sample("cover.jpg");
    let looks = (0..6).map(|_| probe.cover(body(&file), u64::MAX));
    for look in futures::future::join_all(looks).await {
        let error = look.unwrap_err().to_string();
        assert!(error.contains("makes no sense"), "{error}");
    }
}

#[tokio::test]
async fn what_a_dead_process_left_is_swept() {
    let staging = tempfile::tempdir().unwrap();
    std::fs::write(staging.path().join("4711-0.part"), "x").unwrap();
    std::fs::write(staging.path().join("thesis.txt"), "x").unwrap();
    let config = ProbeConfig::new(staging.path());
    let _probe = ProcessProbe::open(config, child_program(), Arc::new(FixedClock::default())).unwrap();
    let left: Vec<_> = std::fs::read_dir(staging.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["thesis.txt"]);
}

#[tokio::test]
async fn damage_anywhere_neither_panics_nor_passes_a_limit() {
    let fixture = in_process(limits());
    let files =
        ["cbr-mono-untagged.mp3", "vbr-stereo-id3v24-cover.mp3", "cover.jpg", "cover.png"].map(sample);
    for round in 0..40_usize {
        for (number, file) in files.iter().enumerate() {
            let mut file = file.clone();
            // Headers first, then everywhere.
            let span = if round % 2 == 0 { 64 } else { file.len() };
            let at = round.wrapping_mul(2_654_435_761) % span;
            file[at] ^= 1 << (round % 8);
            file[(at * 7) % span] = 0xFF;
            let result = if number < 2 {
                fixture.audio(&file).await.map(drop)
            } else {
                fixture.cover(&file).await.map(drop)
            };
            if let Err(error) = result {
                assert!(matches!(error, ProbeError::Rejected(_)), "{round}: {error:?}");
            }
        }
    }
    fixture.assert_nothing_staged();
}

fn child_with(args: &[&str]) -> Program {
    Program { args: args.iter().map(ToString::to_string).collect(), ..child_program() }
}

/// Whether a process runs; one that is dead but not yet collected does not.
fn is_running(pid: u32) -> bool {
    let status = Command::new("ps").args(["-o", "state=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8_lossy(&status.stdout);
    Path::new(&format!("/proc/{pid}")).exists() && !state.trim().starts_with('Z') && !state.trim().is_empty()
}

/// Asks until there is an answer; the test runner's own limit ends it otherwise.
async fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}
