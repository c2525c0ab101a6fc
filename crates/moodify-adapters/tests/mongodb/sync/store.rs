//! One truth for several processes, and what it makes of a state that one process alone has written.

use moodify_core::conformance::samples;
use moodify_core::model::AccountId;
use moodify_core::port::{PlaybackArchive, PlaybackStore, PlaybackStoreError, Saved};

use super::{config, now, process, state};
use crate::new_server;

/// Of changes of one version exactly one succeeds, whatever the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_changes_a_state() {
    let server = new_server!(start);
    let (one, other) = (process(&server, config()).await, process(&server, config()).await);
    let account: AccountId = samples::id();
    let mut known = state(0);
    one.sync.playback_store().create(account, &known).await.unwrap();
    for _ in 0..20 {
        let mut next = known.clone();
        next.rev += 1;
        let (first, second) = (one.sync.playback_store(), other.sync.playback_store());
        let changed = tokio::join!(
            first.replace(account, known.version(), &next, None, now()),
            second.replace(account, known.version(), &next, None, now()),
        );
        match changed {
            (Ok(()), Err(PlaybackStoreError::Conflict)) | (Err(PlaybackStoreError::Conflict), Ok(())) => {}
            other => panic!("{other:?}"),
        }
        known = second.load(account).await.unwrap().unwrap();
        assert_eq!(known, next);
    }
    one.end().await;
    other.end().await;
}

/// It may have lost what it answered last: no number of the epoch is given again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_saved_from_its_memory_goes_on_in_a_new_epoch() {
    let server = new_server!(start);
    let (one, other) = (process(&server, config()).await, process(&server, config()).await);
    let account: AccountId = samples::id();
    let (saved, run) = (state(7), PlaybackArchive::open(&*one.store).await.unwrap());
    let all = Saved { account, state: Some(saved.clone()), devices: None, commands: Vec::new() };
    one.store.save(run, &[all], now()).await.unwrap();
    let (first, second) = (one.sync.playback_store(), other.sync.playback_store());
    let found = tokio::join!(first.load(account), second.load(account));
    let (found, same) = (found.0.unwrap().unwrap(), found.1.unwrap().unwrap());
    assert_eq!(found, same);
    assert_ne!(found.epoch, saved.epoch);
    assert_eq!((found.rev, &found.queue), (saved.rev, &saved.queue));
    assert_eq!(first.load(account).await.unwrap().unwrap(), found, "only once");
    one.end().await;
    other.end().await;
}
