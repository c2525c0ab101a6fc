//! Many mails that have to wait: what they cost meanwhile, and that all of them go out.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use moodify_core::Config;
use moodify_core::memory::MemoryQueue;
use moodify_core::model::EventPayload;
use moodify_core::port::SendLog;

use crate::desk::Desk;
use crate::releases::{followers, track};
use crate::troubled::{Forgetful, Troubled};

/// How many deliveries about releases wait, whoever is to handle them.
async fn waiting(desk: &Desk) -> u64 {
    let mut waiting = 0;
    for consumer in ["releases", "announcements"] {
        waiting += desk.queue.depth(consumer).await.unwrap().waiting;
    }
    waiting
}

/// Works and lets time pass until so many mails are out, for so many steps at most.
async fn pass(desk: &Desk, mails: usize, step: Duration, steps: usize) {
    for _ in 0..steps {
        desk.work_off().await;
        if desk.server.taken().len() >= mails {
            break;
        }
        desk.clock.advance(step);
    }
}

#[tokio::test]
async fn a_mail_that_waits_for_its_turn_is_looked_at_seldom_and_claimed_when_it_goes() {
    let queue = Troubled::refusing(Arc::new(MemoryQueue::new()), |_| None);
    let mut log = None;
    let set = |config: &mut Config| config.mail.max_per_day = NonZeroU32::new(500);
    let noting = |store| -> Arc<dyn SendLog> { log.insert(Forgetful::new(store, 0)).clone() };
    let desk = Desk::noting(queue.clone(), noting, set).await;
    for n in 0..300 {
        desk.sign_up(&format!("n{n}")).await;
    }
    pass(&desk, 300, Duration::from_secs(60), 16 * 60).await;
    assert_eq!(desk.server.taken().len(), 300, "as fast as the sender may");
    let (given, claims) = (queue.given.load(Ordering::Relaxed), log.unwrap().claims.load(Ordering::Relaxed));
    assert!(given < 300 * 5, "{given} deliveries of 300 mails");
    assert_eq!(claims, 300);
}

#[tokio::test]
async fn a_sender_of_one_mail_a_day_rests_in_between() {
    let queue = Troubled::refusing(Arc::new(MemoryQueue::new()), |_| None);
    let set = |config: &mut Config| config.mail.max_per_day = NonZeroU32::new(1);
    let desk = Desk::with(queue.clone(), set).await;
    desk.sign_up("ada").await;
    desk.sign_up("bob").await;
    for _ in 0..100 {
        desk.mails().handle_due().await.unwrap();
    }
    let given = queue.given.load(Ordering::Relaxed);
    assert!(given < 5, "{given} deliveries of two mails in a moment");
    pass(&desk, 2, Duration::from_secs(60 * 60), 49).await;
    assert_eq!(desk.server.taken().len(), 2);
}

#[tokio::test]
async fn while_enough_announcements_wait_no_more_followers_are_found() {
    let desk = Desk::new().await;
    let artist = desk.context.new_id();
    followers(&desk, artist, 1_500).await;
    desk.server.set_down(true);
    desk.publish(EventPayload::TrackPublished(track(&desk, artist))).await;
    pass(&desk, 1, Duration::from_secs(30), 60).await;
    let kept = waiting(&desk).await;
    assert!(kept < 1_300, "{kept} wait while the mail server is down");
    desk.server.set_down(false);
    pass(&desk, 1_500, Duration::from_secs(60), 10 * 60).await;
    let mut mailboxes = desk.server.mailboxes();
    mailboxes.dedup();
    assert_eq!((mailboxes.len(), desk.server.taken().len()), (1_500, 1_500), "one each");
    assert_eq!(waiting(&desk).await, 0);
}

#[tokio::test]
async fn a_great_many_releases_at_once_hold_each_other_up_for_a_while_only() {
    let desk = Desk::new().await;
    let artist = desk.context.new_id();
    followers(&desk, artist, 1).await;
    desk.server.set_down(true);
    for _ in 0..1_100 {
        desk.publish(EventPayload::TrackPublished(track(&desk, artist))).await;
    }
    pass(&desk, 1, Duration::from_secs(30), 4).await;
    desk.server.set_down(false);
    pass(&desk, 1_100, Duration::from_secs(60), 10 * 60).await;
    assert_eq!(desk.server.taken().len(), 1_100);
}
