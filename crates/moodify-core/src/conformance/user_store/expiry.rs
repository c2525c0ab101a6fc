//! What time takes away.

use std::time::Duration;

use super::UserStoreFixture;
use crate::conformance::samples;
use crate::model::{MailTokenPurpose, Session};

/// Sessions that are not live any more go, one way of expiring or the other, to the microsecond;
/// live ones, and the account, stay.
pub async fn expired_sessions_are_removed(fixture: &UserStoreFixture) {
    let (account, live) = fixture.signed_up().await;
    let now = samples::moment();
    let later = samples::after(now, Duration::from_micros(1));
    let mut sessions = Vec::new();
    for (idle_expires_at, expires_at) in [(now, live.expires_at), (live.expires_at, now), (later, later)] {
        let session = Session { idle_expires_at, expires_at, ..samples::session(&account) };
        assert!(fixture.store.create_session(&session, 0).await.unwrap());
        sessions.push(session);
    }
    assert_eq!(fixture.store.remove_expired(now, 100).await.unwrap(), 2);
    assert_eq!(fixture.store.remove_expired(now, 100).await.unwrap(), 0);
    let [idle, over, last] = sessions.as_slice() else { panic!("three sessions") };
    assert_eq!(fixture.remaining(&[&live, idle, over, last]).await, [live.id, last.id]);
    assert_eq!(fixture.store.account(account.id).await.unwrap(), Some(account));
}

/// Tokens go in the moment they expire.
pub async fn expired_tokens_are_removed(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let verify = samples::mail_token(&account, MailTokenPurpose::VerifyEmail);
    let reset = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
    for token in [&verify, &reset] {
        assert!(fixture.store.store_mail_token(token, samples::moment(), &[]).await.unwrap());
    }
    assert!(verify.expires_at < reset.expires_at);
    let just_before = samples::before(verify.expires_at, Duration::from_micros(1));
    assert_eq!(fixture.store.remove_expired(just_before, 100).await.unwrap(), 0);
    assert_eq!(fixture.store.remove_expired(verify.expires_at, 100).await.unwrap(), 1);
    assert_eq!(fixture.store.mail_token(verify.hash).await.unwrap(), None);
    assert_eq!(fixture.store.mail_token(reset.hash).await.unwrap(), Some(reset));
}

/// No more than `max` go at once.
pub async fn removing_stops_at_the_most(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let now = samples::moment();
    for _ in 0..5 {
        let session = Session { idle_expires_at: now, ..samples::session(&account) };
        assert!(fixture.store.create_session(&session, 0).await.unwrap());
    }
    for removed in [2, 2, 1, 0] {
        assert_eq!(fixture.store.remove_expired(now, 2).await.unwrap(), removed);
    }
}
