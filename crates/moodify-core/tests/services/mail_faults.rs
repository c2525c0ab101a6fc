//! The fault table of delivery, as far as mails go; the embedded queue and a scripted mail server.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use moodify_core::Config;
use moodify_core::memory::{FixedClock, MemoryQueue};
use moodify_core::model::event::{AccountDeleted, PasswordResetRequested};
use moodify_core::model::{EventPayload, MailKind, MailToken, SignedDuration};
use moodify_core::port::{Clock, Letters, SendLog};
use moodify_core::service::delivery::Housekeeper;
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, Manner, email, first_name};
use crate::releases::{follow, track};
use crate::troubled::Forgetful;

fn set_back(clock: &FixedClock, secs: i64) {
    clock.set(clock.now().checked_sub(SignedDuration::from_secs(secs)).unwrap());
}

#[tokio::test]
async fn one_poison_mail_among_a_hundred_good_ones_is_one_dead_letter_and_a_hundred_mails() {
    let desk = Desk::new().await;
    desk.server.treat("n50@example.com", Some(Manner::Refuses));
    let mut expected = Vec::new();
    for n in 0..=100 {
        desk.sign_up(&format!("n{n}")).await;
        if n != 50 {
            expected.push(format!("n{n}@example.com"));
        }
    }
    desk.work_off().await;
    expected.sort_unstable();
    assert_eq!(desk.server.mailboxes(), expected);
    let dead = desk.dead_letters().await;
    assert_eq!((dead.len(), dead[0].reason.as_str()), (1, "550 no such mailbox"));

    // Somebody mends the mailbox and replays the letter.
    desk.server.treat("n50@example.com", None);
    desk.queue.replay("notification", Letters::All, desk.context.now()).await.unwrap();
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), 101);
    assert_eq!(desk.dead_letters().await, []);
}

#[tokio::test]
async fn a_mail_server_that_is_down_for_hours_gets_every_mail_once_afterwards() {
    let desk = Desk::new().await;
    desk.server.set_down(true);
    for n in 0..20 {
        desk.sign_up(&format!("n{n}")).await;
    }
    for _ in 0..120 {
        desk.work_off().await;
        desk.clock.advance(Duration::from_secs(60));
    }
    desk.server.set_down(false);
    desk.clock.advance(Duration::from_secs(8 * 60 * 60));
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), 20);
    assert_eq!(desk.dead_letters().await, []);
}

#[tokio::test]
async fn a_mailbox_that_is_deferred_or_hangs_holds_no_other_mail_up() {
    let desk = Desk::new().await;
    desk.server.treat("busy@example.com", Some(Manner::Defers));
    desk.server.treat("stuck@example.com", Some(Manner::Hangs));
    for name in ["busy", "stuck", "a", "b", "c", "d", "e", "f", "g", "h"] {
        desk.sign_up(name).await;
    }
    let (stop, mails) = (CancellationToken::new(), desk.mails());
    let others = async {
        while desk.server.taken().len() < 8 {
            tokio::task::yield_now().await;
        }
        // The one that hangs is given up after its time, and is tried again like the other.
        desk.server.treat("stuck@example.com", None);
        desk.server.treat("busy@example.com", None);
        while desk.server.taken().len() < 10 {
            desk.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let both = futures::future::join(mails.run(&stop), others);
    tokio::time::timeout(Duration::from_secs(60), both).await.expect("nobody waits for ever");
    let mailboxes = desk.server.mailboxes();
    assert_eq!(mailboxes.len(), 10);
    assert!(mailboxes.contains(&"stuck@example.com".to_owned()), "{mailboxes:?}");
}

#[tokio::test]
async fn who_deleted_the_account_gets_no_mail_and_is_in_no_dead_letter() {
    let desk = Desk::new().await;
    desk.server.treat("ada@example.com", Some(Manner::Refuses));
    desk.server.treat("eve@example.com", Some(Manner::Refuses));
    desk.server.treat("grace@example.com", Some(Manner::Defers));
    let (ada, grace) = (desk.sign_up("ada").await, desk.sign_up("grace").await);
    let eve = desk.sign_up("eve").await;
    desk.work_off().await;
    assert_eq!(desk.dead_letters().await.len(), 2);
    for account_id in [ada, grace] {
        desk.publish(EventPayload::AccountDeleted(AccountDeleted { account_id, artist_id: None })).await;
    }
    desk.work_off().await;
    let dead = desk.dead_letters().await;
    assert_eq!(dead.iter().map(|letter| letter.event.payload.account()).collect::<Vec<_>>(), [Some(eve)]);

    desk.server.treat("grace@example.com", None);
    desk.clock.advance(Duration::from_secs(8 * 60 * 60));
    desk.work_off().await;
    assert_eq!(desk.server.mailboxes(), [""; 0]);
}

#[tokio::test]
async fn who_deleted_the_account_is_in_no_dead_letter_about_a_release() {
    let desk = Desk::new().await;
    let artist = desk.context.new_id();
    let (ada, eve) = (desk.verified("ada", None).await, desk.verified("eve", None).await);
    for account in [ada, eve] {
        follow(&desk, account, artist).await;
    }
    for mailbox in ["ada@example.com", "eve@example.com"] {
        desk.server.treat(mailbox, Some(Manner::Refuses));
    }
    desk.work_off().await;
    desk.publish(EventPayload::TrackPublished(track(&desk, artist))).await;
    desk.work_off().await;
    let dead = async || {
        let letters = desk.queue.dead_letters("announcements", 10).await.unwrap();
        letters.iter().filter_map(|letter| letter.event.payload.account()).collect::<Vec<_>>()
    };
    assert_eq!(dead().await.len(), 2);
    desk.publish(EventPayload::AccountDeleted(AccountDeleted { account_id: ada, artist_id: None })).await;
    desk.work_off().await;
    assert_eq!(dead().await, [eve]);
}

#[tokio::test]
async fn a_mail_whose_note_is_refused_at_first_goes_out_once() {
    let noting = |store| -> Arc<dyn SendLog> { Forgetful::new(store, 3) };
    let desk = Desk::noting(Arc::new(MemoryQueue::new()), noting, |_| {}).await;
    desk.sign_up("ada").await;
    let mails = desk.mails();
    let time_passes = async {
        loop {
            desk.clock.advance(Duration::from_millis(10));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        handled = mails.handle_due() => assert_eq!(handled.unwrap(), 1),
        () = time_passes => {}
    }
    desk.clock.advance(Duration::from_secs(8 * 60 * 60));
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), 1);
}

#[tokio::test]
async fn a_sender_with_a_day_of_ten_mails_sends_ten_a_day_and_loses_none() {
    let set = |config: &mut Config| config.mail.max_per_day = NonZeroU32::new(10);
    let desk = Desk::with(Arc::new(MemoryQueue::new()), set).await;
    for n in 0..25 {
        desk.sign_up(&format!("n{n}")).await;
    }
    for sent_at_most in [10, 20, 30] {
        for _ in 0..24 * 4 {
            desk.work_off().await;
            desk.clock.advance(Duration::from_secs(15 * 60));
        }
        assert!(desk.server.taken().len() <= sent_at_most, "{}", desk.server.taken().len());
    }
    assert_eq!(desk.server.taken().len(), 25);
    assert_eq!(desk.dead_letters().await, []);
}

#[tokio::test]
async fn a_consumer_that_dies_before_sending_costs_time_and_no_mail() {
    let desk = Desk::new().await;
    desk.sign_up("ada").await;
    // Somebody took the event and the right to send, and died.
    let now = desk.context.now();
    let lease = Duration::from_secs(60);
    let taken = desk.queue.receive("notification", 1, now, lease).await.unwrap();
    desk.store.claim(taken[0].event.id, MailKind::Welcome, now, lease).await.unwrap();
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), 0);
    desk.clock.advance(lease);
    desk.work_off().await;
    desk.clock.advance(lease * 10);
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), 1);
}

#[tokio::test]
async fn a_clock_that_is_set_back_delays_mails_by_hours_at_most_and_loses_none() {
    let desk = Desk::new().await;
    desk.server.set_down(true);
    desk.sign_up("ada").await;
    desk.work_off().await;
    desk.server.set_down(false);
    // Its retry is due in five seconds, by a clock that was a year ahead.
    set_back(&desk.clock, 365 * 24 * 60 * 60);
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), 1);

    desk.server.set_down(true);
    desk.sign_up("bob").await;
    desk.work_off().await;
    desk.server.set_down(false);
    set_back(&desk.clock, 2 * 60 * 60);
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), 1);
    desk.clock.advance(Duration::from_secs(8 * 60 * 60));
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), 2);
}

#[tokio::test]
async fn what_only_the_past_needed_is_forgotten_when_it_is_old_enough() {
    let desk = Desk::new().await;
    desk.sign_up("ada").await;
    let event = desk.queue.receive("notification", 1, desk.context.now(), Duration::ZERO).await.unwrap();
    let event = event[0].event.clone();
    desk.work_off().await;
    let housekeeper =
        Housekeeper::new(desk.queue.clone(), desk.store.clone(), desk.store.clone(), desk.context.clone());
    let stop = CancellationToken::new();
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    for _ in 0..2 {
        desk.clock.advance(45 * DAY);
        assert_eq!(housekeeper.tidy_up(&stop).await.unwrap(), 0);
        // However late the same event comes again: one mail.
        desk.queue.publish(&event, desk.context.now()).await.unwrap();
        desk.work_off().await;
        assert_eq!(desk.server.taken().len(), 1);
    }
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(housekeeper.tidy_up(&stop).await.unwrap(), 1, "the note that it was sent");
    assert_eq!(housekeeper.tidy_up(&stop).await.unwrap(), 0);
}

#[tokio::test]
async fn a_mail_that_never_left_is_forgotten_a_week_after_its_link_has_run_out() {
    let desk = Desk::new().await;
    let housekeeper =
        Housekeeper::new(desk.queue.clone(), desk.store.clone(), desk.store.clone(), desk.context.clone());
    let tidy_up = async || housekeeper.tidy_up(&CancellationToken::new()).await.unwrap();
    desk.server.treat("nina@example.com", Some(Manner::Refuses));
    let reset = PasswordResetRequested {
        account_id: desk.context.new_id(),
        email: email("nina"),
        first_name: first_name(),
        token: MailToken::new("c2VjcmV0"),
        expires_at: desk.in_secs(3600),
    };
    desk.publish(EventPayload::PasswordResetRequested(reset)).await;
    desk.sign_up("nina").await;
    desk.work_off().await;
    assert_eq!(desk.dead_letters().await.len(), 2);
    let hour = Duration::from_secs(3600);
    desk.clock.advance(24 * 7 * hour);
    tidy_up().await;
    assert_eq!(desk.dead_letters().await.len(), 2, "until somebody had a week to see it");
    desk.clock.advance(hour);
    assert!(tidy_up().await > 0);
    let left = desk.dead_letters().await;
    assert!(matches!(left[0].event.payload, EventPayload::AccountCreated(_)), "{left:?}");
    assert_eq!(left.len(), 1, "what can still be sent is kept until somebody decides");
}

#[tokio::test]
async fn a_mail_that_never_left_is_forgotten_behind_however_many_others() {
    let desk = Desk::new().await;
    let housekeeper =
        Housekeeper::new(desk.queue.clone(), desk.store.clone(), desk.store.clone(), desk.context.clone());
    desk.server.treat("nina@example.com", Some(Manner::Refuses));
    for _ in 0..501 {
        desk.sign_up("nina").await;
    }
    desk.work_off().await;
    let reset = PasswordResetRequested {
        account_id: desk.context.new_id(),
        email: email("nina"),
        first_name: first_name(),
        token: MailToken::new("c2VjcmV0"),
        expires_at: desk.in_secs(3600),
    };
    desk.publish(EventPayload::PasswordResetRequested(reset)).await;
    desk.work_off().await;
    let dead = async || desk.queue.depth("notification").await.unwrap().dead;
    assert_eq!(dead().await, 502);
    desk.clock.advance(Duration::from_secs((24 * 7 + 1) * 3600));
    housekeeper.tidy_up(&CancellationToken::new()).await.unwrap();
    assert_eq!(dead().await, 501);
}
