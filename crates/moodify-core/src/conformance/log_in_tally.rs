//! Holds a [`UserStore`](crate::port::UserStore) to what it promises about failed log-ins.

use std::time::Duration;

use futures::future::join_all;

use super::{UserStoreFixture, samples};
use crate::model::{LogInSubject, LogInTally, TallyRule, Timestamp};

const HOUR: Duration = Duration::from_secs(3600);

/// Makes a module of named tests that hold a [`UserStore`](crate::port::UserStore) to its contract
/// about failed log-ins. Takes the fixture of [`user_store_suite`](crate::user_store_suite).
#[macro_export]
macro_rules! log_in_tally_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            log_in_tally,
            $name,
            $fixture,
            [
                unknown_subject_has_no_tally,
                failures_add_up_until_the_subject_is_blocked,
                a_blocked_subject_is_tried_again_later,
                an_expired_tally_starts_anew,
                a_tally_is_kept_as_long_as_it_would_have_been,
                a_tally_can_be_set_and_removed,
                subjects_do_not_touch_each_other,
                a_failure_is_taken_back_and_its_block_with_it,
                failures_that_are_taken_back_take_no_others_along,
                concurrent_failures_are_all_counted_and_no_more_than_allowed,
            ]
        );
    };
}

fn subject() -> LogInSubject {
    LogInSubject(samples::random())
}

fn rule(now: Timestamp, max_failures: u32) -> TallyRule {
    TallyRule {
        now,
        max_failures,
        blocked_until: samples::after(now, HOUR),
        expires_at: samples::after(now, 24 * HOUR),
    }
}

/// Who never failed has no tally.
pub async fn unknown_subject_has_no_tally(fixture: &UserStoreFixture) {
    fixture.store.count_log_in(subject(), &rule(samples::moment(), 3)).await.unwrap();
    assert_eq!(fixture.store.log_in_tally(subject()).await.unwrap(), None);
}

/// Each failure counts one, the last allowed one blocks, and while it blocks nothing changes.
pub async fn failures_add_up_until_the_subject_is_blocked(fixture: &UserStoreFixture) {
    for max_failures in [1, 2, 5] {
        let subject = subject();
        let now = samples::moment();
        let rule = rule(now, max_failures);
        for failures in 1..=max_failures {
            assert!(fixture.store.count_log_in(subject, &rule).await.unwrap());
            let blocked = failures == max_failures;
            let blocked_until = if blocked { rule.blocked_until } else { Timestamp::UNIX_EPOCH };
            let expected = LogInTally { failures, blocked_until, expires_at: rule.expires_at };
            assert_eq!(fixture.store.log_in_tally(subject).await.unwrap(), Some(expected));
        }
        let later = TallyRule { now: samples::before(rule.blocked_until, Duration::from_micros(1)), ..rule };
        assert!(!fixture.store.count_log_in(subject, &later).await.unwrap());
        let tally = fixture.store.log_in_tally(subject).await.unwrap().expect("the tally");
        assert_eq!((tally.failures, tally.blocked_until), (max_failures, rule.blocked_until));
    }
}

/// When the block is over, one more failure counts and blocks again.
pub async fn a_blocked_subject_is_tried_again_later(fixture: &UserStoreFixture) {
    let subject = subject();
    let first = rule(samples::moment(), 2);
    for _ in 0..2 {
        assert!(fixture.store.count_log_in(subject, &first).await.unwrap());
    }
    let second = rule(first.blocked_until, 2);
    assert!(fixture.store.count_log_in(subject, &second).await.unwrap());
    assert!(!fixture.store.count_log_in(subject, &second).await.unwrap());
    let expected =
        LogInTally { failures: 3, blocked_until: second.blocked_until, expires_at: second.expires_at };
    assert_eq!(fixture.store.log_in_tally(subject).await.unwrap(), Some(expected));
}

/// What has expired counts no more, a block included.
pub async fn an_expired_tally_starts_anew(fixture: &UserStoreFixture) {
    let subject = subject();
    let now = samples::moment();
    let first = TallyRule { expires_at: samples::after(now, HOUR / 2), ..rule(now, 2) };
    for _ in 0..2 {
        assert!(fixture.store.count_log_in(subject, &first).await.unwrap());
    }
    let second = rule(first.expires_at, 2);
    assert!(fixture.store.count_log_in(subject, &second).await.unwrap());
    let expected =
        LogInTally { failures: 1, blocked_until: Timestamp::UNIX_EPOCH, expires_at: second.expires_at };
    assert_eq!(fixture.store.log_in_tally(subject).await.unwrap(), Some(expected));
}

/// A failure never makes a tally expire earlier.
pub async fn a_tally_is_kept_as_long_as_it_would_have_been(fixture: &UserStoreFixture) {
    let subject = subject();
    let rule = rule(samples::moment(), 9);
    let expires_at = samples::after(rule.expires_at, HOUR);
    let known = LogInTally { failures: 0, blocked_until: Timestamp::UNIX_EPOCH, expires_at };
    fixture.store.set_log_in_tally(subject, Some(&known)).await.unwrap();
    assert!(fixture.store.count_log_in(subject, &rule).await.unwrap());
    let expected = LogInTally { failures: 1, ..known };
    assert_eq!(fixture.store.log_in_tally(subject).await.unwrap(), Some(expected));
}

/// Setting replaces all of a tally; removing one that is not there is no error.
pub async fn a_tally_can_be_set_and_removed(fixture: &UserStoreFixture) {
    let subject = subject();
    fixture.store.set_log_in_tally(subject, None).await.unwrap();
    for failures in [7, 0, u32::MAX - 1] {
        let (blocked_until, expires_at) = (samples::moment(), samples::moment());
        let tally = LogInTally { failures, blocked_until, expires_at };
        fixture.store.set_log_in_tally(subject, Some(&tally)).await.unwrap();
        assert_eq!(fixture.store.log_in_tally(subject).await.unwrap(), Some(tally));
    }
    fixture.store.set_log_in_tally(subject, None).await.unwrap();
    assert_eq!(fixture.store.log_in_tally(subject).await.unwrap(), None);
}

/// One subject's failures are nobody else's.
pub async fn subjects_do_not_touch_each_other(fixture: &UserStoreFixture) {
    let (one, other) = (subject(), subject());
    let rule = rule(samples::moment(), 1);
    assert!(fixture.store.count_log_in(one, &rule).await.unwrap());
    assert!(fixture.store.count_log_in(other, &rule).await.unwrap());
    fixture.store.set_log_in_tally(one, None).await.unwrap();
    assert!(fixture.store.log_in_tally(other).await.unwrap().is_some());
}

/// Taking back leaves one failure fewer, never fewer than none, and nobody blocked.
pub async fn a_failure_is_taken_back_and_its_block_with_it(fixture: &UserStoreFixture) {
    let (subject, other) = (subject(), subject());
    fixture.store.uncount_log_in(subject).await.unwrap();
    assert_eq!(fixture.store.log_in_tally(subject).await.unwrap(), None);
    let rule = rule(samples::moment(), 2);
    for one in [subject, subject, other] {
        assert!(fixture.store.count_log_in(one, &rule).await.unwrap());
    }
    assert!(!fixture.store.count_log_in(subject, &rule).await.unwrap());
    for failures in [1, 0, 0] {
        fixture.store.uncount_log_in(subject).await.unwrap();
        let left = LogInTally { failures, blocked_until: Timestamp::UNIX_EPOCH, expires_at: rule.expires_at };
        assert_eq!(fixture.store.log_in_tally(subject).await.unwrap(), Some(left));
    }
    assert_eq!(fixture.store.log_in_tally(other).await.unwrap().expect("the tally").failures, 1);
}

/// Fifty failures and forty that are taken back at the same time leave as many as one after the other.
pub async fn failures_that_are_taken_back_take_no_others_along(fixture: &UserStoreFixture) {
    let subject = subject();
    let rule = rule(samples::moment(), u32::MAX);
    for _ in 0..40 {
        assert!(fixture.store.count_log_in(subject, &rule).await.unwrap());
    }
    let calls = (0..90).map(|n| {
        let store = fixture.store.clone();
        tokio::spawn(async move {
            match n % 9 {
                0..5 => assert!(store.count_log_in(subject, &rule).await.unwrap()),
                _ => store.uncount_log_in(subject).await.unwrap(),
            }
        })
    });
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(fixture.store.log_in_tally(subject).await.unwrap().expect("the tally").failures, 50);
}

/// Of a hundred failures at once as many count as may, and not one more.
pub async fn concurrent_failures_are_all_counted_and_no_more_than_allowed(fixture: &UserStoreFixture) {
    let subject = subject();
    let rule = rule(samples::moment(), 40);
    let calls = (0..100).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move { store.count_log_in(subject, &rule).await.unwrap() })
    });
    let counted = join_all(calls).await.into_iter().filter(|call| *call.as_ref().unwrap()).count();
    assert_eq!(counted, 40);
    assert_eq!(fixture.store.log_in_tally(subject).await.unwrap().expect("the tally").failures, 40);
}
