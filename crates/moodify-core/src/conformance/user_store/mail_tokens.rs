//! Tokens of links in mails.

use futures::future::join_all;

use super::UserStoreFixture;
use crate::conformance::{outbox::waiting, samples};
use crate::model::{EventKind, MailTokenPurpose};

/// The token that an account signs up with is there, whole.
pub async fn signing_up_stores_the_token(fixture: &UserStoreFixture) {
    let mut new = samples::account();
    let token = samples::mail_token(&new.account, MailTokenPurpose::VerifyEmail);
    new.verification = Some(token.clone());
    fixture.store.create_account(&new, &samples::session(&new.account), &[]).await.unwrap();
    assert_eq!(fixture.store.mail_token(token.hash).await.unwrap(), Some(token));
}

/// An account has one token for a purpose: the newest. Those for other purposes, and other people's,
/// stay, and the events are stored.
pub async fn token_replaces_the_older_one(fixture: &UserStoreFixture) {
    let ((account, _), (other, _)) = (fixture.signed_up().await, fixture.signed_up().await);
    let first = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
    let verify = samples::mail_token(&account, MailTokenPurpose::VerifyEmail);
    let foreign = samples::mail_token(&other, MailTokenPurpose::ResetPassword);
    for token in [&first, &verify, &foreign] {
        assert!(fixture.store.store_mail_token(token, samples::moment(), &[]).await.unwrap());
        assert_eq!(fixture.store.mail_token(token.hash).await.unwrap().as_ref(), Some(token));
    }
    let second = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
    let events = samples::events();
    // Made in the very moment that counts: not after it.
    assert!(fixture.store.store_mail_token(&second, first.created_at, &events).await.unwrap());
    assert_eq!(fixture.store.mail_token(first.hash).await.unwrap(), None);
    for token in [second, verify, foreign] {
        assert_eq!(fixture.store.mail_token(token.hash).await.unwrap(), Some(token));
    }
    assert_eq!(waiting(&*fixture.outbox, &events).await, events);
}

/// A token that was made after `not_since` stays, and the new one is not stored, nor its events.
pub async fn token_too_soon_changes_nothing(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let not_since = samples::moment();
    let first = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
    assert!(fixture.store.store_mail_token(&first, not_since, &[]).await.unwrap());
    let second = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
    let event = samples::event(EventKind::PasswordResetRequested);
    let events = std::slice::from_ref(&event);
    assert!(!fixture.store.store_mail_token(&second, not_since, events).await.unwrap());
    assert_eq!(fixture.store.mail_token(first.hash).await.unwrap(), Some(first));
    assert_eq!(fixture.store.mail_token(second.hash).await.unwrap(), None);
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
}

/// A token needs an account.
pub async fn token_of_nobody_is_false(fixture: &UserStoreFixture) {
    let token = samples::mail_token(&samples::account().account, MailTokenPurpose::VerifyEmail);
    let event = samples::event(EventKind::EmailVerificationRequested);
    let events = std::slice::from_ref(&event);
    assert!(!fixture.store.store_mail_token(&token, samples::moment(), events).await.unwrap());
    assert_eq!(fixture.store.mail_token(token.hash).await.unwrap(), None);
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
}

/// A token that never was is `None`.
pub async fn unknown_token_is_none(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let token = samples::mail_token(&account, MailTokenPurpose::VerifyEmail);
    assert_eq!(fixture.store.mail_token(token.hash).await.unwrap(), None);
}

/// Of twenty who ask for a mail at once, one gets it.
pub async fn concurrent_tokens_store_one(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let not_since = samples::moment();
    let calls = (0..20).map(|_| {
        let (store, account) = (fixture.store.clone(), account.clone());
        tokio::spawn(async move {
            let token = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
            let event = samples::event(EventKind::PasswordResetRequested);
            let events = std::slice::from_ref(&event);
            (store.store_mail_token(&token, not_since, events).await.unwrap(), token, event)
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let events: Vec<_> = answers.iter().map(|(_, _, event)| event.clone()).collect();
    let stored: Vec<_> = answers.into_iter().filter(|(stored, ..)| *stored).collect();
    let [(_, token, event)] = stored.as_slice() else { panic!("{} were stored", stored.len()) };
    assert_eq!(fixture.store.mail_token(token.hash).await.unwrap().as_ref(), Some(token));
    assert_eq!(waiting(&*fixture.outbox, &events).await, std::slice::from_ref(event));
}
