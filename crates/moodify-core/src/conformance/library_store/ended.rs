use std::time::Duration;

use super::LibraryStoreFixture;
use crate::conformance::samples;
use crate::model::{AccountId, SessionId};
use crate::port::Ended;

/// Accounts and sessions that have ended are told from those that have not, until their time is over.
pub async fn who_has_ended_is_known_until_it_is_forgotten(fixture: &LibraryStoreFixture) {
    let store = &fixture.store;
    let [ada, bob]: [AccountId; 2] = [samples::id(), samples::id()];
    let [one, other]: [SessionId; 2] = [samples::id(), samples::id()];
    let now = samples::moment();
    let hour = |hours: u64| samples::after(now, Duration::from_secs(3600 * hours));
    assert!(!store.has_ended(&[]).await.unwrap());
    assert!(!store.has_ended(&[Ended::Account(ada), Ended::Session(one)]).await.unwrap());
    store.note_ended(Ended::Account(ada), hour(3)).await.unwrap();
    store.note_ended(Ended::Session(one), hour(1)).await.unwrap();
    // An older word changes nothing.
    store.note_ended(Ended::Account(ada), hour(1)).await.unwrap();
    assert!(store.has_ended(&[Ended::Account(ada), Ended::Session(other)]).await.unwrap());
    assert!(store.has_ended(&[Ended::Account(bob), Ended::Session(one)]).await.unwrap());
    assert!(!store.has_ended(&[Ended::Account(bob), Ended::Session(other)]).await.unwrap());

    while store.forget_ended(hour(2), 1).await.unwrap() > 0 {}
    assert!(!store.has_ended(&[Ended::Session(one)]).await.unwrap());
    assert!(store.has_ended(&[Ended::Account(ada)]).await.unwrap());
    while store.forget_ended(hour(3), 1).await.unwrap() > 0 {}
    assert!(!store.has_ended(&[Ended::Account(ada)]).await.unwrap());
}
