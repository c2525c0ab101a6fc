use std::time::Duration;

use super::{KIND, LEASE, MAIL, MICROSECOND, MUSIC, QueueFixture, events_of};
use crate::conformance::samples;
use crate::model::{LONGEST_WAIT, earlier};
use crate::port::{DeadLetter, Depth, Letters};

/// What is not settled comes again when its lease ends, to the microsecond, as the next attempt.
pub async fn leased_deliveries_come_again_when_the_lease_ends(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let until = samples::after(now, LEASE);
    assert_eq!(fixture.receive(MAIL, 100, samples::before(until, MICROSECOND)).await, []);
    let second = fixture.only_delivery(MAIL, until).await;
    assert_eq!((second.id.attempt, &second.event), (2, &first.event));
    assert_eq!(
        fixture.receive(MAIL, 100, samples::before(samples::after(until, LEASE), MICROSECOND)).await,
        []
    );
    assert_eq!(fixture.only_delivery(MAIL, samples::after(until, LEASE)).await.id.attempt, 3);
}

/// Only what was acknowledged stays away.
pub async fn acknowledged_deliveries_never_come_again(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    let events = fixture.publish(KIND, 3).await;
    let now = samples::moment();
    let deliveries = fixture.receive(MAIL, 100, now).await;
    fixture.queue.ack(&deliveries[0].id).await.unwrap();
    fixture.queue.ack(&deliveries[2].id).await.unwrap();
    assert_eq!(fixture.received(MAIL, samples::after(now, LEASE * 2)).await, events[1..2]);
}

/// Work that took longer than the lease is done all the same, if nobody else has begun it.
pub async fn late_acknowledgement_of_the_newest_attempt_counts(fixture: &QueueFixture) {
    let (delivery, now) = fixture.one_received().await;
    fixture.queue.ack(&delivery.id).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 100, samples::after(now, LEASE * 2)).await, []);
}

/// Once it was delivered again, the older attempt's acknowledgement takes nothing away.
pub async fn acknowledgement_of_an_older_attempt_changes_nothing(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let later = samples::after(now, LEASE);
    fixture.only_delivery(MAIL, later).await;
    fixture.queue.ack(&first.id).await.unwrap();
    let third = fixture.only_delivery(MAIL, samples::after(later, LEASE)).await;
    assert_eq!(third.id.attempt, 3);
}

/// A retry stays away until it is due, to the microsecond, even past the lease.
pub async fn retried_deliveries_come_when_due(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let due = samples::after(now, LEASE * 10);
    fixture.queue.retry(&first.id, due, "451 try later\r\n später").await.unwrap();
    assert_eq!(fixture.receive(MAIL, 100, samples::before(due, MICROSECOND)).await, []);
    let second = fixture.only_delivery(MAIL, due).await;
    assert_eq!((second.id.attempt, second.event), (2, first.event));
}

/// A retry that is due at once does not wait for the lease of the failed attempt.
pub async fn retry_may_come_before_the_lease_ends(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    fixture.queue.retry(&first.id, now, "again").await.unwrap();
    assert_eq!(fixture.only_delivery(MAIL, now).await.id.attempt, 2);
}

/// Once it was delivered again, the older attempt cannot put it off.
pub async fn retry_of_an_older_attempt_changes_nothing(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let later = samples::after(now, LEASE);
    let second = fixture.only_delivery(MAIL, later).await;
    fixture.queue.retry(&first.id, later, "too late").await.unwrap();
    assert_eq!(fixture.receive(MAIL, 100, later).await, []);
    fixture.queue.ack(&second.id).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 100, samples::after(later, LEASE * 100)).await, []);
}

/// While one waits for its retry the others are delivered.
pub async fn a_retry_holds_up_no_other(fixture: &QueueFixture) {
    let (poison, now) = fixture.one_received().await;
    fixture.queue.retry(&poison.id, samples::after(now, LEASE * 100), "busy").await.unwrap();
    let good = fixture.publish(KIND, 3).await;
    assert_eq!(fixture.received(MAIL, samples::moment()).await, good);
}

/// A dead letter never comes again, and tells everything: attempt, event, reason and moment.
pub async fn dead_letters_keep_event_attempt_and_reason(fixture: &QueueFixture) {
    let (_, now) = fixture.one_received().await;
    let later = samples::after(now, LEASE);
    let second = fixture.only_delivery(MAIL, later).await;
    let died_at = samples::moment();
    let reason = format!("550 unbekannt: 夜 'quoted' {}", "x".repeat(2_000));
    fixture.queue.dead_letter(&second.id, &reason, died_at).await.unwrap();

    assert_eq!(fixture.receive(MAIL, 100, samples::after(later, LEASE * 100)).await, []);
    let expected = DeadLetter { id: second.id, event: second.event, reason, died_at };
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap(), [expected]);
}

/// The longest dead come first, at most `max`, whatever the order of publishing and of the calls.
pub async fn dead_letters_come_longest_dead_first(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    fixture.publish(KIND, 4).await;
    let deliveries = fixture.receive(MAIL, 100, samples::moment()).await;
    let last = samples::moment();
    let mut expected = Vec::new();
    for (delivery, seconds_before) in deliveries.into_iter().zip([1, 3, 0, 2]) {
        let died_at = samples::before(last, Duration::from_secs(seconds_before));
        fixture.queue.dead_letter(&delivery.id, "no", died_at).await.unwrap();
        expected.push((died_at, delivery.id));
    }
    expected.sort_by_key(|(died_at, _)| *died_at);
    let dead = async |max| -> Vec<_> {
        let letters = fixture.queue.dead_letters(MAIL, max).await.unwrap();
        letters.into_iter().map(|letter| (letter.died_at, letter.id)).collect()
    };
    assert_eq!(dead(10).await, expected);
    assert_eq!(dead(2).await, expected[..2]);
}

/// What went wrong is told in anybody's words, and some say what no text should hold.
pub async fn reasons_may_hold_any_character(fixture: &QueueFixture) {
    let (delivery, now) = fixture.one_received().await;
    let reason = "550 \0 \u{1F4A3}\r\n'; --";
    fixture.queue.retry(&delivery.id, now, reason).await.unwrap();
    let again = fixture.only_delivery(MAIL, now).await;
    fixture.queue.dead_letter(&again.id, reason, now).await.unwrap();
    let letters = fixture.queue.dead_letters(MAIL, 10).await.unwrap();
    let kept = &letters[0].reason;
    assert!(kept.starts_with("550 ") && kept.ends_with(" \u{1F4A3}\r\n'; --"), "{kept:?}");
}

/// Once it was delivered again, the older attempt cannot give it up.
pub async fn dead_lettering_an_older_attempt_changes_nothing(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let later = samples::after(now, LEASE);
    fixture.only_delivery(MAIL, later).await;
    fixture.queue.dead_letter(&first.id, "too late", later).await.unwrap();
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap(), []);
    assert_eq!(fixture.only_delivery(MAIL, samples::after(later, LEASE)).await.id.attempt, 3);
}

/// What one consumer acknowledges, retries or gives up still comes to the other.
pub async fn consumers_settle_apart(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    fixture.declare(MUSIC, &[KIND]).await;
    let events = fixture.publish(KIND, 3).await;
    let now = samples::moment();
    let mails = fixture.receive(MAIL, 100, now).await;
    fixture.queue.ack(&mails[0].id).await.unwrap();
    fixture.queue.retry(&mails[1].id, samples::after(now, LEASE * 50), "later").await.unwrap();
    fixture.queue.dead_letter(&mails[2].id, "never", now).await.unwrap();

    assert_eq!(fixture.received(MUSIC, now).await, events);
    assert_eq!(fixture.queue.dead_letters(MUSIC, 10).await.unwrap(), []);
    let again = fixture.receive(MUSIC, 10, samples::after(now, LEASE)).await;
    assert!(again.iter().all(|delivery| delivery.id.attempt == 2));
    assert_eq!(events_of(again), events);
}

/// Acknowledging twice, or retrying what is acknowledged, is no error and brings nothing back.
pub async fn settling_what_is_settled_changes_nothing(fixture: &QueueFixture) {
    let (delivery, now) = fixture.one_received().await;
    fixture.queue.ack(&delivery.id).await.unwrap();
    fixture.queue.ack(&delivery.id).await.unwrap();
    fixture.queue.retry(&delivery.id, now, "again").await.unwrap();
    fixture.queue.dead_letter(&delivery.id, "no", now).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 100, samples::after(now, LEASE * 2)).await, []);
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap(), []);
}

/// The depth counts what waits, now or for later, and dead letters; what is settled counts no more.
pub async fn the_depth_is_what_is_kept_for_each_consumer(fixture: &QueueFixture) {
    let depth = async |consumer| fixture.queue.depth(consumer).await.unwrap();
    assert_eq!(depth(MAIL).await, Depth::default());
    fixture.declare(MAIL, &[KIND]).await;
    fixture.declare(MUSIC, &[KIND]).await;
    assert_eq!(depth(MAIL).await, Depth::default());
    fixture.publish(KIND, 4).await;
    assert_eq!(depth(MAIL).await, Depth { waiting: 4, dead: 0 });
    let now = samples::moment();
    let deliveries = fixture.receive(MAIL, 3, now).await;
    fixture.queue.ack(&deliveries[0].id).await.unwrap();
    fixture.queue.retry(&deliveries[1].id, samples::after(now, LEASE), "later").await.unwrap();
    fixture.queue.dead_letter(&deliveries[2].id, "never", now).await.unwrap();
    assert_eq!(depth(MAIL).await, Depth { waiting: 2, dead: 1 });
    assert_eq!(depth(MUSIC).await, Depth { waiting: 4, dead: 0 });
    assert_eq!(depth("nobody").await, Depth::default());
}

/// A retry counts as a failure; coming again because the lease ended, or being put off, does not.
pub async fn only_retries_are_failures(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    assert_eq!((first.failures, first.silent), (0, 1));
    let later = samples::after(now, LEASE);
    let silent = fixture.only_delivery(MAIL, later).await;
    assert_eq!((silent.failures, silent.silent), (0, 2));
    fixture.queue.postpone(&silent.id, later).await.unwrap();
    let postponed = fixture.only_delivery(MAIL, later).await;
    assert_eq!((postponed.id.attempt, postponed.failures, postponed.silent), (3, 0, 1));
    fixture.queue.retry(&postponed.id, later, "busy").await.unwrap();
    let retried = fixture.only_delivery(MAIL, later).await;
    assert_eq!((retried.id.attempt, retried.failures, retried.silent), (4, 1, 1));
}

/// What is put off stays away until it is due, to the microsecond; an older attempt cannot put it off.
pub async fn postponed_deliveries_come_when_due(fixture: &QueueFixture) {
    let (first, now) = fixture.one_received().await;
    let due = samples::after(now, LEASE * 10);
    fixture.queue.postpone(&first.id, due).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 100, samples::before(due, MICROSECOND)).await, []);
    let second = fixture.only_delivery(MAIL, due).await;
    fixture.queue.postpone(&first.id, due).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 100, due).await, []);
    assert_eq!(second.id.attempt, 2);
}

/// When the clock is set back, what waits for a moment out of all proportion is due at once: a retry
/// as well as a lease.
pub async fn a_clock_that_is_set_back_holds_nothing_up(fixture: &QueueFixture) {
    let (delivery, now) = fixture.one_received().await;
    fixture.queue.retry(&delivery.id, now, "busy").await.unwrap();
    let leased = fixture.only_delivery(MAIL, now).await;
    let until = samples::after(now, LEASE);
    let barely = earlier(until, LONGEST_WAIT);
    assert_eq!(fixture.receive(MAIL, 100, barely).await, []);
    let long_ago = samples::before(barely, MICROSECOND);
    let again = fixture.only_delivery(MAIL, long_ago).await;
    assert_eq!(again.id.attempt, leased.id.attempt + 1);

    fixture.queue.retry(&again.id, samples::after(long_ago, LONGEST_WAIT), "busy").await.unwrap();
    assert_eq!(fixture.receive(MAIL, 100, long_ago).await, []);
    fixture.only_delivery(MAIL, samples::before(long_ago, MICROSECOND)).await;
}

/// Dead letters of so many events, longest dead first.
async fn dead(fixture: &QueueFixture, count: usize) -> Vec<DeadLetter> {
    fixture.declare(MAIL, &[KIND]).await;
    fixture.publish(KIND, count).await;
    for delivery in fixture.receive(MAIL, count, samples::moment()).await {
        fixture.queue.dead_letter(&delivery.id, "550 no", samples::moment()).await.unwrap();
    }
    let letters = fixture.queue.dead_letters(MAIL, count).await.unwrap();
    assert_eq!(letters.len(), count);
    letters
}

/// A replayed dead letter is due at once, with no failure to its name and the next attempt; the others
/// stay dead.
pub async fn a_replayed_dead_letter_begins_anew(fixture: &QueueFixture) {
    let (delivery, now) = fixture.one_received().await;
    fixture.queue.retry(&delivery.id, now, "busy").await.unwrap();
    let last = fixture.only_delivery(MAIL, now).await;
    fixture.queue.dead_letter(&last.id, "550 no", now).await.unwrap();
    let others = dead(fixture, 2).await.len();
    assert_eq!(others, 2);

    let now = samples::moment();
    let chosen = Letters::Of(last.id.event);
    assert_eq!(fixture.queue.replay(MAIL, chosen, now).await.unwrap(), 1);
    assert_eq!(fixture.queue.replay(MAIL, chosen, now).await.unwrap(), 0, "it is dead no more");
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap().len(), 2);
    let again = fixture.only_delivery(MAIL, now).await;
    assert_eq!((again.id.attempt, again.failures, again.silent), (3, 0, 1));
    assert_eq!(again.event, last.event);
    fixture.queue.ack(&again.id).await.unwrap();
    assert_eq!(fixture.receive(MAIL, 10, samples::after(now, LEASE * 2)).await, []);
}

/// All dead letters of one consumer are replayed, and none of another's.
pub async fn all_dead_letters_are_replayed(fixture: &QueueFixture) {
    fixture.declare(MUSIC, &[KIND]).await;
    let letters = dead(fixture, 3).await;
    let others = fixture.receive(MUSIC, 10, samples::moment()).await;
    fixture.queue.dead_letter(&others[0].id, "no", samples::moment()).await.unwrap();

    let now = samples::moment();
    assert_eq!(fixture.queue.replay(MAIL, Letters::All, now).await.unwrap(), 3);
    let mut received: Vec<_> = fixture.received(MAIL, now).await.iter().map(|event| event.id).collect();
    received.sort_unstable();
    let mut expected: Vec<_> = letters.iter().map(|letter| letter.event.id).collect();
    expected.sort_unstable();
    assert_eq!(received, expected);
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap(), []);
    assert_eq!(fixture.queue.dead_letters(MUSIC, 10).await.unwrap().len(), 1);
    assert_eq!(fixture.queue.replay("nobody", Letters::All, now).await.unwrap(), 0);
}

/// A discarded dead letter is gone, and does not come again; the others stay.
pub async fn discarded_dead_letters_are_gone(fixture: &QueueFixture) {
    let letters = dead(fixture, 3).await;
    let first = Letters::Of(letters[0].event.id);
    assert_eq!(fixture.queue.discard(MUSIC, first).await.unwrap(), 0);
    assert_eq!(fixture.queue.discard(MAIL, first).await.unwrap(), 1);
    assert_eq!(fixture.queue.discard(MAIL, first).await.unwrap(), 0);
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap(), letters[1..]);
    assert_eq!(fixture.queue.replay(MAIL, first, samples::moment()).await.unwrap(), 0);
    assert_eq!(fixture.queue.discard(MAIL, Letters::All).await.unwrap(), 2);
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap(), []);
    assert_eq!(fixture.receive(MAIL, 10, samples::after(samples::moment(), LEASE * 100)).await, []);
}

/// However many others died before them, and only those of the consumer.
pub async fn chosen_dead_letters_are_gone_wherever_they_stood(fixture: &QueueFixture) {
    fixture.declare(MUSIC, &[KIND]).await;
    let letters = dead(fixture, 120).await;
    let others = fixture.receive(MUSIC, 120, samples::moment()).await;
    fixture.queue.dead_letter(&others[119].id, "no", samples::moment()).await.unwrap();
    let chosen = [letters[0].event.id, letters[60].event.id, letters[119].event.id, others[119].event.id];
    let chosen = move |letter: &DeadLetter| chosen.contains(&letter.event.id);
    assert_eq!(fixture.queue.discard_chosen(MAIL, &chosen).await.unwrap(), 3);
    assert_eq!(fixture.queue.discard_chosen(MAIL, &chosen).await.unwrap(), 0);
    let mut left = letters;
    left.retain(|letter| !chosen(letter));
    assert_eq!(fixture.queue.dead_letters(MAIL, 200).await.unwrap(), left);
    assert_eq!(fixture.queue.dead_letters(MUSIC, 10).await.unwrap().len(), 1);
    assert_eq!(fixture.queue.discard_chosen("nobody", &|_| true).await.unwrap(), 0);
}

/// Only what is settled is forgotten: what waits, is leased or dead stays.
pub async fn only_settled_deliveries_are_forgotten(fixture: &QueueFixture) {
    fixture.declare(MAIL, &[KIND]).await;
    fixture.publish(KIND, 4).await;
    let now = samples::moment();
    let deliveries = fixture.receive(MAIL, 3, now).await;
    fixture.queue.ack(&deliveries[0].id).await.unwrap();
    fixture.queue.dead_letter(&deliveries[1].id, "no", now).await.unwrap();
    let later = samples::after(now, LEASE * 2);
    assert!(fixture.queue.forget(later, 100).await.unwrap() <= 1);
    assert_eq!(fixture.queue.forget(later, 100).await.unwrap(), 0);
    assert_eq!(fixture.receive(MAIL, 10, later).await.len(), 2);
    assert_eq!(fixture.queue.dead_letters(MAIL, 10).await.unwrap().len(), 1);
}
