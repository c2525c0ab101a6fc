//! Holds a [`KeyStore`] to its contract.

use std::{any::Any, sync::Arc};

use futures::future::join_all;

use super::{Keep, samples};
use crate::model::{KeyPurpose, StoredKey};
use crate::port::KeyStore;

/// An empty store.
pub struct KeyStoreFixture {
    /// The store under test.
    pub store: Arc<dyn KeyStore>,
    /// What must live as long as the store.
    pub keep: Keep,
}

impl KeyStoreFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the store.
    pub fn new(store: Arc<dyn KeyStore>, keep: impl Any + Send + Sync) -> Self {
        Self { store, keep: Box::new(keep) }
    }

    async fn assert_keys(&self, purpose: KeyPurpose, expected: &[&StoredKey]) {
        let found = self.store.keys(purpose).await.unwrap();
        let found: Vec<_> = found.iter().map(parts).collect();
        let expected: Vec<_> = expected.iter().map(|key| parts(key)).collect();
        assert_eq!(found, expected);
    }
}

fn parts(key: &StoredKey) -> (crate::model::KeyId, KeyPurpose, crate::model::Timestamp, [u8; 32]) {
    (key.id, key.purpose, key.created_at, key.expose())
}

/// Makes a module of named tests that hold a store to the contract of
/// [`KeyStore`](crate::port::KeyStore).
#[macro_export]
macro_rules! key_store_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            key_store,
            $name,
            $fixture,
            [
                no_keys_at_first,
                keys_come_newest_first,
                keys_of_one_moment_come_greatest_id_first,
                purposes_are_apart,
                only_if_none_adds_the_first_key_only,
                only_if_none_looks_at_its_own_purpose,
                a_key_is_added_beside_others,
                concurrent_first_keys_let_one_win,
                removed_key_is_gone,
                first_key_can_be_removed_beside_others,
            ]
        );
    };
}

/// An empty store has no key of any purpose.
pub async fn no_keys_at_first(fixture: &KeyStoreFixture) {
    for purpose in [KeyPurpose::AccessToken, KeyPurpose::RefreshToken, KeyPurpose::MediaUrl] {
        fixture.assert_keys(purpose, &[]).await;
    }
}

/// Keys come newest first, whole: id, purpose, age and every secret byte.
pub async fn keys_come_newest_first(fixture: &KeyStoreFixture) {
    let purpose = KeyPurpose::AccessToken;
    let (old, middle, new) = (samples::key(purpose), samples::key(purpose), samples::key(purpose));
    for key in [&middle, &new, &old] {
        assert!(fixture.store.add_key(key, false).await.unwrap());
    }
    fixture.assert_keys(purpose, &[&new, &middle, &old]).await;
}

/// Among keys of one moment the greatest id comes first, whatever the order of storing.
pub async fn keys_of_one_moment_come_greatest_id_first(fixture: &KeyStoreFixture) {
    let now = samples::moment();
    let mut keys: Vec<_> =
        (0..8).map(|_| StoredKey::new(samples::id(), KeyPurpose::MediaUrl, now, samples::random())).collect();
    keys.rotate_left(3);
    for key in &keys {
        assert!(fixture.store.add_key(key, false).await.unwrap());
    }
    keys.sort_by_key(|key| std::cmp::Reverse(key.id));
    fixture.assert_keys(KeyPurpose::MediaUrl, &keys.iter().collect::<Vec<_>>()).await;
}

/// A key is found under its own purpose only.
pub async fn purposes_are_apart(fixture: &KeyStoreFixture) {
    let key = samples::key(KeyPurpose::RefreshToken);
    assert!(fixture.store.add_key(&key, false).await.unwrap());
    fixture.assert_keys(KeyPurpose::RefreshToken, &[&key]).await;
    fixture.assert_keys(KeyPurpose::AccessToken, &[]).await;
    fixture.assert_keys(KeyPurpose::MediaUrl, &[]).await;
}

/// With `only_if_none` the first key is stored and the second one is not.
pub async fn only_if_none_adds_the_first_key_only(fixture: &KeyStoreFixture) {
    let purpose = KeyPurpose::MediaUrl;
    let (first, second) = (samples::key(purpose), samples::key(purpose));
    assert!(fixture.store.add_key(&first, true).await.unwrap());
    assert!(!fixture.store.add_key(&second, true).await.unwrap());
    fixture.assert_keys(purpose, &[&first]).await;
}

/// A key of another purpose does not stand in the way.
pub async fn only_if_none_looks_at_its_own_purpose(fixture: &KeyStoreFixture) {
    let (access, media) = (samples::key(KeyPurpose::AccessToken), samples::key(KeyPurpose::MediaUrl));
    assert!(fixture.store.add_key(&access, true).await.unwrap());
    assert!(fixture.store.add_key(&media, true).await.unwrap());
    fixture.assert_keys(KeyPurpose::MediaUrl, &[&media]).await;
}

/// Without `only_if_none` a key joins those that are there: rotation.
pub async fn a_key_is_added_beside_others(fixture: &KeyStoreFixture) {
    let purpose = KeyPurpose::AccessToken;
    let (first, second) = (samples::key(purpose), samples::key(purpose));
    assert!(fixture.store.add_key(&first, true).await.unwrap());
    assert!(fixture.store.add_key(&second, false).await.unwrap());
    fixture.assert_keys(purpose, &[&second, &first]).await;
}

/// Of fifty processes that start at once, exactly one makes the first key.
pub async fn concurrent_first_keys_let_one_win(fixture: &KeyStoreFixture) {
    let purpose = KeyPurpose::RefreshToken;
    let calls = (0..50).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move {
            let key = samples::key(purpose);
            (store.add_key(&key, true).await.unwrap(), key)
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let winners: Vec<_> = answers.iter().filter_map(|(added, key)| added.then_some(key)).collect();
    assert_eq!(winners.len(), 1);
    fixture.assert_keys(purpose, &winners).await;
}

/// A key that is removed is gone; others stay. The second removal is `false`.
pub async fn removed_key_is_gone(fixture: &KeyStoreFixture) {
    let purpose = KeyPurpose::AccessToken;
    let (first, second, other) =
        (samples::key(purpose), samples::key(purpose), samples::key(KeyPurpose::MediaUrl));
    for key in [&first, &second, &other] {
        assert!(fixture.store.add_key(key, false).await.unwrap());
    }
    assert!(fixture.store.remove_key(first.id).await.unwrap());
    assert!(!fixture.store.remove_key(first.id).await.unwrap());
    fixture.assert_keys(purpose, &[&second]).await;
    fixture.assert_keys(KeyPurpose::MediaUrl, &[&other]).await;
}

/// While there is a newer key, the place of a removed first one is not free.
pub async fn first_key_can_be_removed_beside_others(fixture: &KeyStoreFixture) {
    let purpose = KeyPurpose::RefreshToken;
    let (first, second) = (samples::key(purpose), samples::key(purpose));
    assert!(fixture.store.add_key(&first, true).await.unwrap());
    assert!(fixture.store.add_key(&second, false).await.unwrap());
    assert!(fixture.store.remove_key(first.id).await.unwrap());
    assert!(!fixture.store.add_key(&samples::key(purpose), true).await.unwrap());
    fixture.assert_keys(purpose, &[&second]).await;
    assert!(fixture.store.remove_key(second.id).await.unwrap());
    let third = samples::key(purpose);
    assert!(fixture.store.add_key(&third, true).await.unwrap());
    fixture.assert_keys(purpose, &[&third]).await;
}
