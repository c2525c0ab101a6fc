//! What outlives a process.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use futures::future::join_all;
use moodify_core::Services;
use moodify_core::conformance::samples;
use moodify_core::model::{EventKind, KeyPurpose, MailKind, PageSize};
use moodify_core::port::{CatalogStore, Claim, Consumer, KeyStore, Outbox, Queue, SendLog, UserStore};

use crate::{LEASE, count, folder, open, sign_up};

#[tokio::test]
async fn reopening_keeps_everything() {
    let (_folder, path) = folder();
    let (first, now) = (open(&path).await, samples::moment());
    let (new, signed_up) = sign_up(&first).await;
    let session = samples::session(&new.account);
    first.create_session(&session, 0).await.unwrap();
    let key = samples::key(KeyPurpose::AccessToken);
    assert!(first.add_key(&key, true).await.unwrap());
    let artist = samples::artist();
    first.upsert_artist(&artist).await.unwrap();
    let track = samples::track(&artist);
    first.create_track(&track).await.unwrap();
    let playlist = samples::playlist(new.account.id);
    first.create_playlist(&playlist, &samples::entries([&track, &track])).await.unwrap();
    let queue = first.queue();
    let consumer = Consumer { name: "notification", kinds: EventKind::ALL.to_vec() };
    queue.declare(&consumer).await.unwrap();
    let event = samples::event(EventKind::TrackPublished);
    queue.publish(&event, now).await.unwrap();
    first.mark_sent(event.id, MailKind::Welcome, now).await.unwrap();
    first.close().await;

    let second = open(&path).await;
    assert_eq!(second.account(new.account.id).await.unwrap(), Some(new.account));
    assert_eq!(second.session(session.id).await.unwrap(), Some(session));
    assert_eq!(second.keys(KeyPurpose::AccessToken).await.unwrap()[0].expose(), key.expose());
    assert_eq!(second.artist(artist.id).await.unwrap(), Some(artist));
    assert_eq!(second.track(track.id).await.unwrap(), Some(track));
    assert_eq!(second.playlist_entries(playlist.id, PageSize::MAX, None).await.unwrap().items.len(), 2);
    assert_eq!(second.lease(10, now, LEASE).await.unwrap(), [signed_up]);
    let delivered = second.queue().receive("notification", 10, now, LEASE).await.unwrap();
    assert_eq!(delivered[0].event, event);
    let claim = second.claim(event.id, MailKind::Welcome, now, LEASE).await.unwrap();
    assert_eq!(claim, Claim::Sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_pools_on_one_file_lose_no_write() {
    let (_folder, path) = folder();
    let writers = (0..2).map(|_| {
        let path = path.clone();
        tokio::spawn(async move {
            let store = open(&path).await;
            for _ in 0..50 {
                sign_up(&store).await;
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(count(&path, "accounts").await, 100);
    assert_eq!(count(&path, "outbox").await, 100);
}

const PATH: &str = "MOODIFY_TEST_DATABASE";

/// Not a test: the process that [`a_killed_process_loses_nothing_it_acknowledged`] kills.
#[tokio::test]
#[ignore = "runs as the child of another test"]
async fn child_that_signs_people_up_for_ever() {
    let store = open(Path::new(&std::env::var(PATH).unwrap())).await;
    loop {
        let (new, event) = sign_up(&store).await;
        writeln!(std::io::stderr(), "{} {}", new.account.id, event.id).unwrap();
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let (_folder, path) = folder();
    // Beside the child, so that it is also the second process on the file.
    let store = open(&path).await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "survival::child_that_signs_people_up_for_ever", "--nocapture"])
        .env(PATH, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut acknowledged: Vec<String> = lines.by_ref().take(30).map(Result::unwrap).collect();
    let mine = sign_up(&store).await;
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(lines.map(Result::unwrap));

    let events = store.lease(10_000, samples::moment(), LEASE).await.unwrap();
    // The kill may have cut the last line.
    acknowledged.retain(|line| line.len() == 73);
    assert!(acknowledged.len() >= 29);
    assert_eq!(store.account(mine.0.account.id).await.unwrap(), Some(mine.0.account));
    for line in acknowledged {
        let (account, event) = line.split_once(' ').unwrap();
        assert!(store.account(account.parse().unwrap()).await.unwrap().is_some(), "{line}");
        assert!(events.iter().any(|stored| stored.id.to_string() == event), "{line}");
    }
}

#[tokio::test]
async fn a_restart_frees_what_the_dead_had_claimed_but_not_what_got_no_answer() {
    let (_folder, path) = folder();
    let (claimed, unanswered, now) = (samples::id(), samples::id(), samples::moment());
    let until = samples::after(now, LEASE * 30);
    let first = open(&path).await;
    for event in [claimed, unanswered] {
        assert_eq!(first.claim(event, MailKind::Welcome, now, LEASE).await.unwrap(), Claim::Yours);
    }
    assert_eq!(first.mark_unanswered(unanswered, MailKind::Welcome, now, until).await.unwrap(), 1);
    first.close().await;

    let second = open(&path).await;
    second.reclaim(Services::NOTIFICATION).await.unwrap();
    assert_eq!(second.claim(claimed, MailKind::Welcome, now, LEASE).await.unwrap(), Claim::Yours);
    let held = second.claim(unanswered, MailKind::Welcome, now, LEASE).await.unwrap();
    assert_eq!(held, Claim::Held { until });
}
