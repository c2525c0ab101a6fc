//! Sessions, one by one.

use std::time::Duration;

use futures::future::join_all;

use super::{UserStoreFixture, unchanged};
use crate::conformance::dice::Dice;
use crate::conformance::reading::random_pages_are_whole;
use crate::conformance::{outbox::waiting, samples};
use crate::model::{Account, EventKind, Page, PageSize, Session, Timestamp, TokenHash};
use crate::port::UserStore;

/// Every session of an account is found by its own id.
pub async fn created_session_is_found(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    let second = samples::session(&account);
    fixture.store.create_session(&second, 0).await.unwrap();
    assert_eq!(fixture.store.session(first.id).await.unwrap(), Some(first));
    assert_eq!(fixture.store.session(second.id).await.unwrap(), Some(second));
}

/// A session needs an account.
pub async fn session_of_nobody_is_refused(fixture: &UserStoreFixture) {
    let session = samples::session(&samples::account().account);
    assert!(!fixture.store.create_session(&session, 0).await.unwrap());
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
    fixture.store.create_session(&session, 0).await.unwrap();
    assert_eq!(fixture.store.session(session.id).await.unwrap(), Some(session));
}

/// A rotation changes token, generation and the two moments that belong to it, and nothing else.
pub async fn rotation_replaces_the_token(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    let other = samples::session(&account);
    fixture.store.create_session(&other, 0).await.unwrap();

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
    fixture.store.create_session(&session, 0).await.unwrap();
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
    fixture.store.create_session(&second, 0).await.unwrap();
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

/// A session that was asked for before the account changed is refused.
pub async fn session_of_another_revision_is_refused(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    fixture.change(&unchanged(&account, 0), &[]).await;
    let session = samples::session(&account);
    for revision in [0, 2] {
        assert!(!fixture.store.create_session(&session, revision).await.unwrap());
        assert_eq!(fixture.store.session(session.id).await.unwrap(), None);
    }
    assert!(fixture.store.create_session(&session, 1).await.unwrap());
    assert_eq!(fixture.store.session(session.id).await.unwrap(), Some(session));
}

/// The sessions of an account, and nobody else's, come newest first, whole.
pub async fn sessions_are_listed_newest_first(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    fixture.signed_up().await;
    let second = fixture.log_in(&account).await;
    let mut third = samples::session(&account);
    third.user_agent = None;
    assert!(fixture.store.create_session(&third, 0).await.unwrap());

    let now = third.created_at;
    let page = fixture.store.sessions(account.id, now, PageSize::default(), None).await.unwrap();
    assert_eq!(page, Page { items: vec![third, second, first], next: None });
    let nobody = fixture.store.sessions(samples::id(), now, PageSize::default(), None).await.unwrap();
    assert_eq!(nobody, Page { items: Vec::new(), next: None });
}

/// Pages follow each other without a gap, also while sessions begin and end.
pub async fn sessions_are_listed_in_pages(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    let mut expected = vec![first];
    for _ in 0..4 {
        expected.push(fixture.log_in(&account).await);
    }
    expected.reverse();
    let (size, now) = (PageSize::new(2).unwrap(), samples::moment());
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = fixture.store.sessions(account.id, now, size, after).await.unwrap();
        found.extend(page.items);
        fixture.log_in(&account).await;
        after = page.next;
        // The position need not be there any more.
        match after {
            Some(id) => assert!(fixture.store.end_session(id, &[]).await.unwrap()),
            None => break,
        }
    }
    assert_eq!(found, expected);
}

/// Sessions begin at random while the list is read: none comes twice, and none is skipped.
pub async fn random_pages_of_sessions_are_whole(fixture: &UserStoreFixture) {
    let begin = async || (fixture.signed_up().await.0, samples::moment());
    let add = async |(account, _): &(Account, Timestamp), _: &Dice| fixture.log_in(account).await.id;
    random_pages_are_whole(begin, add, async |(account, now), size, after| {
        let page = fixture.store.sessions(account.id, *now, size, after).await.unwrap();
        Page { items: page.items.into_iter().map(|session| session.id).collect(), next: page.next }
    })
    .await;
}

/// A session that has expired by `now`, one way or the other, is not listed.
pub async fn only_live_sessions_are_listed(fixture: &UserStoreFixture) {
    let (account, live) = fixture.signed_up().await;
    let now = samples::moment();
    for (idle, hard, listed) in [
        (now, live.expires_at, false),
        (live.idle_expires_at, now, false),
        (samples::after(now, Duration::from_micros(1)), live.expires_at, true),
    ] {
        let (idle_expires_at, expires_at) = (idle, hard);
        let session = Session { idle_expires_at, expires_at, ..samples::session(&account) };
        assert!(fixture.store.create_session(&session, 0).await.unwrap());
        let page = fixture.store.sessions(account.id, now, PageSize::default(), None).await.unwrap();
        assert_eq!(page.items.contains(&session), listed);
        assert!(page.items.contains(&live));
    }
}
