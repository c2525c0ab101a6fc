//! Holds a [`SendLog`] to its contract.

use std::{any::Any, sync::Arc, time::Duration};

use futures::future::join_all;

use super::{Keep, samples};
use crate::model::{EventId, LONGEST_WAIT, MailKind, Timestamp, earlier};
use crate::port::{Claim, SendLog};

/// An empty log.
pub struct SendLogFixture {
    /// The log under test.
    pub log: Arc<dyn SendLog>,
    /// What must live as long as the log.
    pub keep: Keep,
}

impl SendLogFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the log.
    pub fn new(log: Arc<dyn SendLog>, keep: impl Any + Send + Sync) -> Self {
        Self { log, keep: Box::new(keep) }
    }

    async fn claim(&self, event: EventId, now: Timestamp) -> Claim {
        self.log.claim(event, MailKind::Welcome, now, LEASE).await.unwrap()
    }

    async fn mark_sent(&self, event: EventId) {
        self.log.mark_sent(event, MailKind::Welcome, samples::moment()).await.unwrap();
    }

    async fn release(&self, event: EventId) {
        self.log.release(event, MailKind::Welcome).await.unwrap();
    }

    async fn mark_unanswered(&self, event: EventId, now: Timestamp, until: Timestamp) -> u32 {
        self.log.mark_unanswered(event, MailKind::Welcome, now, until).await.unwrap()
    }
}

const LEASE: Duration = Duration::from_secs(60);
const MICROSECOND: Duration = Duration::from_micros(1);

/// Makes a module of named tests that hold a log to the contract of
/// [`SendLog`](crate::port::SendLog).
#[macro_export]
macro_rules! send_log_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            send_log,
            $name,
            $fixture,
            [
                a_claim_is_held_until_its_lease_ends,
                a_renewed_claim_is_held_anew,
                a_sent_mail_is_never_claimed_again,
                a_mail_sent_after_the_lease_is_sent,
                a_released_mail_is_claimed_at_once,
                releasing_a_sent_mail_changes_nothing,
                releasing_what_nobody_claimed_changes_nothing,
                mails_are_apart,
                concurrent_claims_let_one_send,
                concurrent_claims_of_a_lapsed_one_let_one_send,
                a_clock_that_is_set_back_holds_no_claim,
                old_mails_and_claims_are_forgotten,
                a_mail_without_an_answer_is_held_and_counted,
                how_often_no_answer_came_outlives_a_release,
                an_answer_that_comes_late_ends_it,
                what_was_sent_is_never_without_an_answer,
                a_senders_pace_is_moved_by_one_at_a_time,
                senders_paces_are_apart,
            ]
        );
    };
}

/// While one holds the claim the others learn until when, to the microsecond; from then on it is
/// free.
pub async fn a_claim_is_held_until_its_lease_ends(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    let until = samples::after(now, LEASE);
    assert_eq!(fixture.claim(event, now).await, Claim::Yours);
    assert_eq!(fixture.claim(event, now).await, Claim::Held { until });
    assert_eq!(fixture.claim(event, samples::before(until, MICROSECOND)).await, Claim::Held { until });
    assert_eq!(fixture.claim(event, until).await, Claim::Yours);
}

/// Whoever takes a lapsed claim over holds it for a whole lease.
pub async fn a_renewed_claim_is_held_anew(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    let later = samples::after(now, LEASE * 3);
    assert_eq!(fixture.claim(event, later).await, Claim::Yours);
    let until = samples::after(later, LEASE);
    assert_eq!(fixture.claim(event, samples::before(until, MICROSECOND)).await, Claim::Held { until });
}

/// A mail that went out stays so, also long after the lease.
pub async fn a_sent_mail_is_never_claimed_again(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    fixture.mark_sent(event).await;
    fixture.mark_sent(event).await;
    assert_eq!(fixture.claim(event, now).await, Claim::Sent);
    assert_eq!(fixture.claim(event, samples::after(now, LEASE * 1000)).await, Claim::Sent);
}

/// A slow sender's mail is sent even though somebody else holds the claim by now.
pub async fn a_mail_sent_after_the_lease_is_sent(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    let later = samples::after(now, LEASE);
    assert_eq!(fixture.claim(event, later).await, Claim::Yours);
    fixture.mark_sent(event).await;
    assert_eq!(fixture.claim(event, samples::after(later, LEASE)).await, Claim::Sent);
}

/// A released mail need not wait for the end of the lease.
pub async fn a_released_mail_is_claimed_at_once(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    fixture.release(event).await;
    assert_eq!(fixture.claim(event, now).await, Claim::Yours);
    assert_eq!(fixture.claim(event, now).await, Claim::Held { until: samples::after(now, LEASE) });
}

/// A release that comes after the mark does not bring the mail back.
pub async fn releasing_a_sent_mail_changes_nothing(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    fixture.mark_sent(event).await;
    fixture.release(event).await;
    assert_eq!(fixture.claim(event, samples::after(now, LEASE * 2)).await, Claim::Sent);
}

/// There is nothing to release where there is no claim.
pub async fn releasing_what_nobody_claimed_changes_nothing(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.release(event).await;
    assert_eq!(fixture.claim(event, now).await, Claim::Yours);
}

/// Claims, marks and releases of one event do not touch another's.
pub async fn mails_are_apart(fixture: &SendLogFixture) {
    let (sent, held, free) = (samples::id(), samples::id(), samples::id());
    let now = samples::moment();
    fixture.claim(sent, now).await;
    fixture.mark_sent(sent).await;
    assert_eq!(fixture.claim(held, now).await, Claim::Yours);
    fixture.claim(free, now).await;
    fixture.release(free).await;
    assert_eq!(fixture.claim(sent, now).await, Claim::Sent);
    assert_eq!(fixture.claim(held, now).await, Claim::Held { until: samples::after(now, LEASE) });
    assert_eq!(fixture.claim(free, now).await, Claim::Yours);
}

async fn assert_one_wins(fixture: &SendLogFixture, event: EventId, now: Timestamp) {
    let calls = (0..50).map(|_| {
        let log = fixture.log.clone();
        tokio::spawn(async move { log.claim(event, MailKind::Welcome, now, LEASE).await.unwrap() })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let (winners, losers): (Vec<_>, Vec<_>) = answers.into_iter().partition(|claim| *claim == Claim::Yours);
    assert_eq!(winners.len(), 1);
    let until = samples::after(now, LEASE);
    assert!(losers.iter().all(|claim| *claim == Claim::Held { until }), "{losers:?}");
}

/// Of fifty concurrent claims exactly one sends; the others learn until when it may.
pub async fn concurrent_claims_let_one_send(fixture: &SendLogFixture) {
    assert_one_wins(fixture, samples::id(), samples::moment()).await;
}

/// Of fifty concurrent claims of a mail whose claim has lapsed exactly one sends.
pub async fn concurrent_claims_of_a_lapsed_one_let_one_send(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    assert_one_wins(fixture, event, samples::after(now, LEASE)).await;
}

/// A claim that was made before the clock was set far back is over.
pub async fn a_clock_that_is_set_back_holds_no_claim(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    let until = samples::after(now, LEASE);
    let barely = earlier(until, LONGEST_WAIT);
    assert_eq!(fixture.claim(event, barely).await, Claim::Held { until });
    assert_eq!(fixture.claim(event, samples::before(barely, MICROSECOND)).await, Claim::Yours);
}

/// What was sent, or claimed and left, before the moment is forgotten, at most `max` at a time; what
/// is younger stays.
pub async fn old_mails_and_claims_are_forgotten(fixture: &SendLogFixture) {
    let (sent, held, claimed_at) = (samples::id(), samples::id(), samples::moment());
    fixture.claim(sent, claimed_at).await;
    let sent_at = samples::after(claimed_at, LEASE * 2);
    fixture.log.mark_sent(sent, MailKind::Welcome, sent_at).await.unwrap();
    fixture.claim(held, claimed_at).await;
    let until = samples::after(claimed_at, LEASE);

    let forget = async |before, max| fixture.log.forget(before, max).await.unwrap();
    assert_eq!(forget(until, 10).await, 0);
    assert_eq!(forget(samples::after(until, MICROSECOND), 10).await, 1, "the claim");
    assert_eq!(forget(sent_at, 10).await, 0);
    let later = samples::after(sent_at, MICROSECOND);
    assert_eq!(forget(later, 0).await, 0);
    assert_eq!(fixture.claim(sent, later).await, Claim::Sent);
    assert_eq!(forget(later, 10).await, 1);
    assert_eq!(fixture.claim(sent, later).await, Claim::Yours);
}

/// Whoever had no answer says until when nobody tries again, and learns how often that was.
pub async fn a_mail_without_an_answer_is_held_and_counted(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    let until = samples::after(now, LEASE * 10);
    assert_eq!(fixture.mark_unanswered(event, now, until).await, 1);
    assert_eq!(fixture.claim(event, samples::after(now, LEASE)).await, Claim::Held { until });
    assert_eq!(fixture.claim(event, until).await, Claim::Yours);
    assert_eq!(fixture.claim(event, until).await, Claim::Held { until: samples::after(until, LEASE) });
    let again = samples::after(until, LEASE * 10);
    assert_eq!(fixture.mark_unanswered(event, until, again).await, 2);
    assert_eq!(fixture.claim(event, samples::after(until, LEASE)).await, Claim::Held { until: again });
    // Without a claim, which may be forgotten by then, it is noted all the same.
    assert_eq!(fixture.mark_unanswered(samples::id(), now, until).await, 1);
}

/// A try that failed in another way in between does not make a third and a fourth one possible; nor is the mail
/// forgotten as a claim that was given back is.
pub async fn how_often_no_answer_came_outlives_a_release(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    let until = samples::after(now, LEASE * 10);
    fixture.mark_unanswered(event, now, until).await;
    fixture.claim(event, until).await;
    fixture.release(event).await;
    assert_eq!(fixture.log.forget(now, 10).await.unwrap(), 0);
    assert_eq!(fixture.claim(event, until).await, Claim::Yours);
    assert_eq!(fixture.mark_unanswered(event, until, samples::after(until, LEASE)).await, 2);
}

/// The mark that it was sent counts, also while the mail is held.
pub async fn an_answer_that_comes_late_ends_it(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    let until = samples::after(now, LEASE * 10);
    fixture.mark_unanswered(event, now, until).await;
    fixture.mark_sent(event).await;
    assert_eq!(fixture.claim(event, now).await, Claim::Sent);
    assert_eq!(fixture.claim(event, until).await, Claim::Sent);
}

/// A note that comes after the mark changes nothing.
pub async fn what_was_sent_is_never_without_an_answer(fixture: &SendLogFixture) {
    let (event, now) = (samples::id(), samples::moment());
    fixture.claim(event, now).await;
    fixture.mark_sent(event).await;
    assert_eq!(fixture.mark_unanswered(event, now, samples::after(now, LEASE)).await, 0);
    assert_eq!(fixture.claim(event, samples::after(now, LEASE * 2)).await, Claim::Sent);
}

/// Of fifty that saw the same moment exactly one moves it, the first time too; and it is kept to the microsecond.
pub async fn a_senders_pace_is_moved_by_one_at_a_time(fixture: &SendLogFixture) {
    const SENDER: &str = "hello@example.com";
    let (mut known, mut next) = (None, samples::moment());
    for _ in 0..3 {
        assert_eq!(fixture.log.pace(SENDER).await.unwrap(), known);
        next = samples::after(next, MICROSECOND);
        let calls = (0..50).map(|_| {
            let log = fixture.log.clone();
            tokio::spawn(async move { log.set_pace(SENDER, known, next).await.unwrap() })
        });
        let moved = join_all(calls).await.into_iter().filter(|moved| *moved.as_ref().unwrap());
        assert_eq!(moved.count(), 1);
        known = Some(next);
    }
    assert_eq!(fixture.log.pace(SENDER).await.unwrap(), known);
    assert!(!fixture.log.set_pace(SENDER, None, samples::after(next, LEASE)).await.unwrap());
    assert_eq!(fixture.log.pace(SENDER).await.unwrap(), known);
}

/// One sender's mails do not count as another's.
pub async fn senders_paces_are_apart(fixture: &SendLogFixture) {
    let now = samples::moment();
    assert!(fixture.log.set_pace("a@example.com", None, now).await.unwrap());
    assert_eq!(fixture.log.pace("b@example.com").await.unwrap(), None);
    assert!(!fixture.log.set_pace("b@example.com", Some(now), now).await.unwrap());
    assert!(fixture.log.set_pace("b@example.com", None, samples::after(now, LEASE)).await.unwrap());
    assert_eq!(fixture.log.pace("a@example.com").await.unwrap(), Some(now));
}
