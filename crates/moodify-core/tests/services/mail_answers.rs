//! Mails whose server did not say what it did with them, and servers that want fewer mails.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use moodify_core::Config;
use moodify_core::memory::MemoryQueue;
use moodify_core::model::EventId;
use moodify_core::port::{Clock, Letters, SendLog};

use crate::desk::{Desk, Manner};

const MINUTE: Duration = Duration::from_secs(60);

/// Works while this much time passes.
async fn pass(desk: &Desk, minutes: u32) {
    for _ in 0..minutes {
        desk.work_off().await;
        desk.clock.advance(MINUTE);
    }
    desk.work_off().await;
}

#[tokio::test]
async fn a_mail_that_got_no_answer_is_tried_once_more_and_then_given_up_aloud() {
    let desk = Desk::new().await;
    desk.server.treat("ada@example.com", Some(Manner::Swallows));
    desk.sign_up("ada").await;
    pass(&desk, 10).await;
    assert_eq!(desk.server.taken().len(), 1, "a slow answer may still come");
    pass(&desk, 24 * 60).await;
    let taken = desk.server.taken();
    assert_eq!(taken.len(), 2, "not again and again");
    assert_eq!(taken[0].message_id, taken[1].message_id);
    let dead = desk.dead_letters().await;
    assert_eq!(dead.len(), 1);
    assert!(dead[0].reason.contains("may have been delivered (connection reset)"), "{}", dead[0].reason);

    // Whoever replays it means it.
    desk.server.treat("ada@example.com", None);
    desk.queue.replay("notification", Letters::All, desk.context.now()).await.unwrap();
    pass(&desk, 20).await;
    assert_eq!(desk.server.taken().len(), 3);
    assert_eq!(desk.dead_letters().await, []);
}

#[tokio::test]
async fn a_refusal_in_between_makes_no_third_try_possible() {
    let desk = Desk::new().await;
    desk.server.treat("ada@example.com", Some(Manner::Swallows));
    desk.sign_up("ada").await;
    desk.work_off().await;
    desk.server.treat("ada@example.com", Some(Manner::Defers));
    pass(&desk, 16).await;
    desk.server.treat("ada@example.com", Some(Manner::Swallows));
    pass(&desk, 24 * 60).await;
    assert_eq!((desk.server.taken().len(), desk.dead_letters().await.len()), (2, 1));
}

#[tokio::test]
async fn an_answer_that_comes_late_is_noted_and_nothing_goes_out_again() {
    let desk = Desk::new().await;
    desk.server.treat("ada@example.com", Some(Manner::AnswersLate));
    desk.sign_up("ada").await;
    pass(&desk, 60).await;
    assert_eq!(desk.server.taken().len(), 1);
    assert_eq!(desk.dead_letters().await, []);
    assert_eq!(desk.queue.depth("notification").await.unwrap().waiting, 0);
}

#[tokio::test]
async fn a_mailer_that_knows_messages_is_simply_asked_again() {
    let desk = Desk::new().await;
    desk.server.know_messages();
    desk.server.treat("ada@example.com", Some(Manner::Swallows));
    desk.sign_up("ada").await;
    desk.work_off().await;
    desk.server.treat("ada@example.com", None);
    pass(&desk, 1).await;
    assert_eq!(desk.server.taken().len(), 2);
}

#[tokio::test]
async fn a_server_that_wants_fewer_mails_is_left_alone_and_this_counts_as_no_try() {
    let desk = Desk::new().await;
    for name in ["ada", "bob"] {
        desk.server.treat(&format!("{name}@example.com"), Some(Manner::Limits));
        desk.sign_up(name).await;
    }
    desk.work_off().await;
    // Two in a row: it is about the sender, and nothing else goes out either.
    desk.sign_up("eve").await;
    pass(&desk, 50).await;
    assert_eq!(desk.server.mailboxes(), [""; 0]);
    for name in ["ada", "bob"] {
        desk.server.treat(&format!("{name}@example.com"), None);
    }
    pass(&desk, 10).await;
    assert_eq!(desk.server.taken().len(), 3);
}

#[tokio::test]
async fn a_mail_that_alone_has_to_wait_is_no_failure_however_long_and_holds_no_other_up() {
    let desk = Desk::new().await;
    desk.server.treat("ada@example.com", Some(Manner::Limits));
    desk.sign_up("ada").await;
    desk.sign_up("bob").await;
    // Longer than the schedule of failures is.
    for _ in 0..3 * 24 {
        desk.work_off().await;
        desk.clock.advance(60 * MINUTE);
    }
    assert_eq!(desk.server.mailboxes(), ["bob@example.com"]);
    desk.server.treat("ada@example.com", None);
    desk.work_off().await;
    assert_eq!(desk.server.mailboxes(), ["ada@example.com", "bob@example.com"]);
    assert_eq!(desk.dead_letters().await, []);
}

#[tokio::test]
async fn a_mail_that_hears_it_twice_is_still_one_mail() {
    let desk = Desk::new().await;
    desk.server.treat("ada@example.com", Some(Manner::Limits));
    desk.sign_up("ada").await;
    desk.work_off().await;
    desk.clock.advance(60 * MINUTE);
    desk.work_off().await;
    desk.sign_up("eve").await;
    desk.work_off().await;
    assert_eq!(desk.server.mailboxes(), ["eve@example.com"]);
}

fn a_hundred_a_day(config: &mut Config) {
    config.mail.max_per_day = NonZeroU32::new(100);
}

/// Another process that sends in the same name.
async fn beside(first: &Desk) -> Desk {
    let log = first.store.clone();
    let queue = Arc::new(MemoryQueue::new());
    let other = Desk::noting(queue, |_| -> Arc<dyn SendLog> { log }, a_hundred_a_day).await;
    // From here on its identifiers are not those of the first.
    let _: EventId = other.context.new_id();
    other.clock.set(first.clock.now());
    other
}

#[tokio::test]
async fn a_senders_day_outlives_the_process() {
    let first = Desk::with(Arc::new(MemoryQueue::new()), a_hundred_a_day).await;
    for n in 0..20 {
        first.sign_up(&format!("n{n}")).await;
    }
    first.work_off().await;
    assert_eq!(first.server.taken().len(), 9, "what may go at once, but for one that somebody waits for");
    let next = beside(&first).await;
    for n in 0..20 {
        next.sign_up(&format!("n{n}")).await;
    }
    next.work_off().await;
    assert_eq!(next.server.taken().len(), 0);
    pass(&next, 60).await;
    assert!((2..=5).contains(&next.server.taken().len()), "{}", next.server.taken().len());
}

#[tokio::test]
async fn a_senders_day_counts_for_all_processes() {
    let first = Desk::with(Arc::new(MemoryQueue::new()), a_hundred_a_day).await;
    let desks = [beside(&first).await, first];
    for desk in &desks {
        for n in 0..60 {
            desk.sign_up(&format!("n{n}")).await;
        }
    }
    let taken = || desks.iter().map(|desk| desk.server.taken().len()).sum::<usize>();
    for days in 1..=4 {
        for _ in 0..24 * 4 {
            for desk in &desks {
                desk.work_off().await;
                desk.clock.advance(15 * MINUTE);
            }
        }
        assert!(taken() <= days * 100, "{} in {days} days", taken());
    }
    assert_eq!(taken(), 120);
    for desk in &desks {
        assert_eq!(desk.dead_letters().await, []);
    }
}
