//! Holds a [`UserStore`] to its contract.

use std::{any::Any, sync::Arc, time::Duration};

use futures::future::join_all;

use super::{Keep, outbox::waiting, samples};
use crate::model::{Account, Email, EventKind, NewAccount, PersonName, Session, TokenHash};
use crate::port::{Outbox, UserStore, UserStoreError};

/// An empty store, and the outbox that its writes append to.
pub struct UserStoreFixture {
    /// The store under test.
    pub store: Arc<dyn UserStore>,
    /// Its outbox.
    pub outbox: Arc<dyn Outbox>,
    /// What must live as long as the store.
    pub keep: Keep,
}

impl UserStoreFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the store.
    pub fn new(store: Arc<dyn UserStore>, outbox: Arc<dyn Outbox>, keep: impl Any + Send + Sync) -> Self {
        Self { store, outbox, keep: Box::new(keep) }
    }

    async fn signed_up(&self) -> (Account, Session) {
        let new = samples::account();
        let session = samples::session(&new.account);
        self.store.create_account(&new, &session, &[]).await.unwrap();
        (new.account, session)
    }
}

/// Makes a module of named tests that hold a store to the contract of
/// [`UserStore`](crate::port::UserStore).
#[macro_export]
macro_rules! user_store_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            user_store,
            $name,
            $fixture,
            [
                created_account_is_found,
                created_artist_is_found,
                the_longest_texts_survive,
                unknown_account_is_none,
                creating_stores_all_events,
                duplicate_email_conflicts,
                addresses_are_compared_exactly,
                concurrent_sign_ups_store_one_account,
                concurrent_sign_ups_of_different_people_all_succeed,
                created_session_is_found,
                session_of_nobody_is_not_found,
                unknown_session_is_none,
                expired_session_is_returned_as_it_is,
                rotation_replaces_the_token,
                rotation_from_another_generation_changes_nothing,
                rotation_counts_far,
                rotation_of_no_session_is_false,
                concurrent_rotations_let_one_win,
                ended_session_is_gone,
                ending_twice_stores_events_once,
                ending_no_session_stores_nothing,
                concurrent_ends_store_events_once,
            ]
        );
    };
}

fn assert_same_account(stored: &NewAccount, found: &Account) {
    assert_eq!(found, &stored.account);
}

/// An account is found by its id and by its e-mail with its password hash, and its first session
/// is there; every character and microsecond survives.
pub async fn created_account_is_found(fixture: &UserStoreFixture) {
    let new = samples::account();
    let session = samples::session(&new.account);
    fixture.store.create_account(&new, &session, &[]).await.unwrap();

    let found = fixture.store.account(new.account.id).await.unwrap().expect("the account");
    assert_same_account(&new, &found);
    let found = fixture.store.credentials(&new.account.email).await.unwrap().expect("the credentials");
    assert_same_account(&new, &found.account);
    assert_eq!(found.password_hash, new.password_hash);
    assert_eq!(fixture.store.session(session.id).await.unwrap(), Some(session));
}

/// An artist keeps the profile, the verified address and the absence of a password.
pub async fn created_artist_is_found(fixture: &UserStoreFixture) {
    let new = samples::artist_account();
    let session = samples::session(&new.account);
    fixture.store.create_account(&new, &session, &[]).await.unwrap();

    let found = fixture.store.credentials(&new.account.email).await.unwrap().expect("the credentials");
    assert_same_account(&new, &found.account);
    assert_eq!(found.password_hash, None);
}

/// Names of the greatest length, in characters of four bytes, survive.
pub async fn the_longest_texts_survive(fixture: &UserStoreFixture) {
    let mut new = samples::account();
    let longest = "\u{1F3B5}".repeat(PersonName::MAX_CHARS);
    new.account.first_name = PersonName::parse(&longest).unwrap();
    new.account.last_name = PersonName::parse(&longest).unwrap();
    let session = samples::session(&new.account);
    fixture.store.create_account(&new, &session, &[]).await.unwrap();

    let found = fixture.store.account(new.account.id).await.unwrap().expect("the account");
    assert_same_account(&new, &found);
}

/// What never was is `None`, by id and by e-mail.
pub async fn unknown_account_is_none(fixture: &UserStoreFixture) {
    fixture.signed_up().await;
    assert!(fixture.store.account(samples::id()).await.unwrap().is_none());
    assert!(fixture.store.credentials(&samples::email()).await.unwrap().is_none());
}

/// Signing up appends all its events to the outbox.
pub async fn creating_stores_all_events(fixture: &UserStoreFixture) {
    let new = samples::account();
    let events = samples::events();
    fixture.store.create_account(&new, &samples::session(&new.account), &events).await.unwrap();
    assert_eq!(waiting(&*fixture.outbox, &events).await, events);
}

/// A second account with the same e-mail is refused; of it nothing is stored, and the first one
/// stays as it was.
pub async fn duplicate_email_conflicts(fixture: &UserStoreFixture) {
    let first = samples::account();
    fixture.store.create_account(&first, &samples::session(&first.account), &[]).await.unwrap();

    let mut second = samples::artist_account();
    second.account.email = first.account.email.clone();
    let session = samples::session(&second.account);
    let event = samples::event(EventKind::AccountCreated);
    let refused = fixture.store.create_account(&second, &session, std::slice::from_ref(&event)).await;

    assert!(matches!(refused, Err(UserStoreError::EmailTaken)), "{refused:?}");
    assert!(fixture.store.account(second.account.id).await.unwrap().is_none());
    assert!(fixture.store.session(session.id).await.unwrap().is_none());
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
    let found = fixture.store.credentials(&first.account.email).await.unwrap().expect("the first one");
    assert_same_account(&first, &found.account);
    assert_eq!(found.password_hash, first.password_hash);
}

/// Addresses that differ in an accent only belong to different people.
pub async fn addresses_are_compared_exactly(fixture: &UserStoreFixture) {
    let word = samples::word();
    for local in ["jose", "josé", "jos_", "jos%"] {
        let mut new = samples::account();
        new.account.email = Email::parse(&format!("{local}{word}@example.com")).unwrap();
        fixture.store.create_account(&new, &samples::session(&new.account), &[]).await.unwrap();
        let found = fixture.store.credentials(&new.account.email).await.unwrap().expect("the account");
        assert_same_account(&new, &found.account);
    }
}

/// Of a hundred concurrent sign-ups with one e-mail exactly one succeeds; the others are told why,
/// and leave neither account nor session nor event.
pub async fn concurrent_sign_ups_store_one_account(fixture: &UserStoreFixture) {
    let email = samples::email();
    let calls = (0..100).map(|_| {
        let (store, email) = (fixture.store.clone(), email.clone());
        tokio::spawn(async move {
            let mut new = samples::account();
            new.account.email = email;
            let session = samples::session(&new.account);
            let event = samples::event(EventKind::AccountCreated);
            let answer = store.create_account(&new, &session, std::slice::from_ref(&event)).await;
            (new, session, event, answer)
        })
    });
    let mut winner = None;
    let mut events = Vec::new();
    for call in join_all(calls).await {
        let (new, session, event, answer) = call.unwrap();
        let found = fixture.store.account(new.account.id).await.unwrap();
        let stored_session = fixture.store.session(session.id).await.unwrap();
        match answer {
            Ok(()) => {
                assert!(winner.is_none(), "two sign-ups with one e-mail succeeded");
                assert_eq!(found.as_ref(), Some(&new.account));
                assert_eq!(stored_session, Some(session));
                winner = Some(event.clone());
            }
            Err(UserStoreError::EmailTaken) => {
                assert!(found.is_none() && stored_session.is_none(), "a refused sign-up left something");
            }
            Err(other) => panic!("{other:?}"),
        }
        events.push(event);
    }
    let winner = winner.expect("one sign-up succeeds");
    assert_eq!(waiting(&*fixture.outbox, &events).await, [winner]);
}

/// Concurrency alone is no reason to refuse anybody.
pub async fn concurrent_sign_ups_of_different_people_all_succeed(fixture: &UserStoreFixture) {
    let calls = (0..50).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move {
            let new = samples::account();
            let event = samples::event(EventKind::AccountCreated);
            let session = samples::session(&new.account);
            store.create_account(&new, &session, std::slice::from_ref(&event)).await.unwrap();
            (new, event)
        })
    });
    let mut events = Vec::new();
    for call in join_all(calls).await {
        let (new, event) = call.unwrap();
        assert_eq!(fixture.store.account(new.account.id).await.unwrap(), Some(new.account));
        events.push(event);
    }
    assert_eq!(waiting(&*fixture.outbox, &events).await.len(), events.len());
}

/// Every session of an account is found by its own id.
pub async fn created_session_is_found(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    let second = samples::session(&account);
    fixture.store.create_session(&second).await.unwrap();
    assert_eq!(fixture.store.session(first.id).await.unwrap(), Some(first));
    assert_eq!(fixture.store.session(second.id).await.unwrap(), Some(second));
}

/// A session needs an account.
pub async fn session_of_nobody_is_not_found(fixture: &UserStoreFixture) {
    let session = samples::session(&samples::account().account);
    let refused = fixture.store.create_session(&session).await;
    assert!(matches!(refused, Err(UserStoreError::NotFound)), "{refused:?}");
    assert_eq!(fixture.store.session(session.id).await.unwrap(), None);
}

/// A session that never was is `None`.
pub async fn unknown_session_is_none(fixture: &UserStoreFixture) {
    fixture.signed_up().await;
    assert_eq!(fixture.store.session(samples::id()).await.unwrap(), None);
}

/// Whether a session has expired is not the store's question.
pub async fn expired_session_is_returned_as_it_is(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let mut session = samples::session(&account);
    let long_ago = samples::before(session.created_at, Duration::from_secs(20 * 365 * 24 * 60 * 60));
    session.created_at = long_ago;
    session.rotated_at = long_ago;
    session.idle_expires_at = long_ago;
    session.expires_at = long_ago;
    fixture.store.create_session(&session).await.unwrap();
    assert_eq!(fixture.store.session(session.id).await.unwrap(), Some(session));
}

/// A rotation changes token, generation and the two moments that belong to it, and nothing else.
pub async fn rotation_replaces_the_token(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    let other = samples::session(&account);
    fixture.store.create_session(&other).await.unwrap();

    let mut expected = first.clone();
    for from in 0..3 {
        expected.token_hash = TokenHash(samples::random());
        expected.generation = from + 1;
        expected.rotated_at = samples::moment();
        expected.idle_expires_at = samples::moment();
        let rotated = rotate(&*fixture.store, &expected, from).await;
        assert!(rotated);
        assert_eq!(fixture.store.session(first.id).await.unwrap().as_ref(), Some(&expected));
    }
    assert_eq!(fixture.store.session(other.id).await.unwrap(), Some(other));
}

async fn rotate(store: &dyn UserStore, to: &Session, from: u32) -> bool {
    store.rotate_session(to.id, from, to.token_hash, to.rotated_at, to.idle_expires_at).await.unwrap()
}

/// A rotation from an older or a future generation is refused, and the session stays as it was.
pub async fn rotation_from_another_generation_changes_nothing(fixture: &UserStoreFixture) {
    let (account, session) = fixture.signed_up().await;
    let attempt = Session { id: session.id, ..samples::session(&account) };
    assert!(!rotate(&*fixture.store, &attempt, 1).await);
    assert_eq!(fixture.store.session(session.id).await.unwrap().as_ref(), Some(&session));

    let once = Session { generation: 1, ..session.clone() };
    assert!(rotate(&*fixture.store, &once, 0).await);
    assert!(!rotate(&*fixture.store, &attempt, 0).await);
    assert_eq!(fixture.store.session(session.id).await.unwrap(), Some(once));
}

/// A generation may be any `u32`.
pub async fn rotation_counts_far(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let mut session = samples::session(&account);
    session.generation = u32::MAX - 1;
    fixture.store.create_session(&session).await.unwrap();
    assert!(rotate(&*fixture.store, &session, u32::MAX - 1).await);
    let found = fixture.store.session(session.id).await.unwrap().expect("the session");
    assert_eq!(found.generation, u32::MAX);
}

/// There is nothing to rotate in a session that never was or has ended.
pub async fn rotation_of_no_session_is_false(fixture: &UserStoreFixture) {
    let (account, session) = fixture.signed_up().await;
    assert!(!rotate(&*fixture.store, &samples::session(&account), 0).await);
    assert!(fixture.store.end_session(session.id, &[]).await.unwrap());
    assert!(!rotate(&*fixture.store, &session, 0).await);
    assert_eq!(fixture.store.session(session.id).await.unwrap(), None);
}

/// Of fifty concurrent rotations from one generation exactly one wins, and its token stays.
pub async fn concurrent_rotations_let_one_win(fixture: &UserStoreFixture) {
    let (_, session) = fixture.signed_up().await;
    let calls = (0..50).map(|_| {
        let (store, mut to) = (fixture.store.clone(), session.clone());
        to.token_hash = TokenHash(samples::random());
        tokio::spawn(async move { (rotate(&*store, &to, 0).await, to.token_hash) })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let winners: Vec<_> = answers.into_iter().filter_map(|(won, hash)| won.then_some(hash)).collect();
    assert_eq!(winners.len(), 1);
    let found = fixture.store.session(session.id).await.unwrap().expect("the session");
    assert_eq!((found.generation, found.token_hash), (1, winners[0]));
}

/// Ending a session takes it away with its events stored, and leaves the account and its other
/// sessions alone.
pub async fn ended_session_is_gone(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    let second = samples::session(&account);
    fixture.store.create_session(&second).await.unwrap();
    let events = samples::events();
    assert!(fixture.store.end_session(first.id, &events).await.unwrap());

    assert_eq!(fixture.store.session(first.id).await.unwrap(), None);
    assert_eq!(waiting(&*fixture.outbox, &events).await, events);
    assert_eq!(fixture.store.session(second.id).await.unwrap(), Some(second));
    assert_eq!(fixture.store.account(account.id).await.unwrap(), Some(account));
}

/// The second end of a session is `false` and stores no event.
pub async fn ending_twice_stores_events_once(fixture: &UserStoreFixture) {
    let (_, session) = fixture.signed_up().await;
    let (first, second) =
        (samples::event(EventKind::SessionRevoked), samples::event(EventKind::SessionRevoked));
    assert!(fixture.store.end_session(session.id, std::slice::from_ref(&first)).await.unwrap());
    assert!(!fixture.store.end_session(session.id, std::slice::from_ref(&second)).await.unwrap());
    assert_eq!(waiting(&*fixture.outbox, &[first.clone(), second]).await, [first]);
}

/// Ending a session that never was is `false` and stores no event.
pub async fn ending_no_session_stores_nothing(fixture: &UserStoreFixture) {
    let event = samples::event(EventKind::SessionRevoked);
    assert!(!fixture.store.end_session(samples::id(), std::slice::from_ref(&event)).await.unwrap());
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
}

/// Of concurrent ends of one session exactly one is `true`, and only its event is stored.
pub async fn concurrent_ends_store_events_once(fixture: &UserStoreFixture) {
    let (_, session) = fixture.signed_up().await;
    let calls = (0..20).map(|_| {
        let (store, id) = (fixture.store.clone(), session.id);
        tokio::spawn(async move {
            let event = samples::event(EventKind::SessionRevoked);
            (store.end_session(id, std::slice::from_ref(&event)).await.unwrap(), event)
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let events: Vec<_> = answers.iter().map(|(_, event)| event.clone()).collect();
    let winners: Vec<_> = answers.into_iter().filter_map(|(ended, event)| ended.then_some(event)).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(waiting(&*fixture.outbox, &events).await, winners);
}
