//! Holds an [`UploadStore`] to its contract.

use std::{any::Any, collections::BTreeSet, sync::Arc, time::Duration};

use futures::future::join_all;
use jiff::Timestamp;

use super::{Keep, samples};
use crate::model::{AccountId, DirectUpload, Refusal, UploadId, UploadStatus};
use crate::port::UploadStore;

const LEASE: Duration = Duration::from_secs(300);
const SECOND: Duration = Duration::from_secs(1);

/// A store without uploads.
pub struct UploadStoreFixture {
    /// The store under test.
    pub store: Arc<dyn UploadStore>,
    /// What must live as long as the store.
    pub keep: Keep,
}

impl UploadStoreFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the store.
    pub fn new(store: Arc<dyn UploadStore>, keep: impl Any + Send + Sync) -> Self {
        Self { store, keep: Box::new(keep) }
    }

    async fn create(&self, upload: &DirectUpload) {
        assert!(self.store.create_upload(upload, 0).await.unwrap());
    }

    async fn created(&self, account: AccountId) -> DirectUpload {
        let upload = samples::direct_upload(account);
        self.create(&upload).await;
        upload
    }

    /// One that is due at this moment.
    async fn due(&self, at: Timestamp) -> DirectUpload {
        let upload = DirectUpload { due_at: at, ..samples::direct_upload(samples::id()) };
        self.create(&upload).await;
        upload
    }

    /// What is taken, smallest id first.
    async fn take(&self, max: usize, now: Timestamp) -> Vec<DirectUpload> {
        let mut taken = self.store.take_due_uploads(max, now, LEASE).await.unwrap();
        taken.sort_by_key(|upload| upload.id);
        taken
    }

    async fn found(&self, id: UploadId) -> Option<DirectUpload> {
        self.store.upload(id).await.unwrap()
    }
}

fn ids(uploads: &[DirectUpload]) -> Vec<UploadId> {
    uploads.iter().map(|upload| upload.id).collect()
}

/// Makes a module of named tests that hold a store to the contract of
/// [`UploadStore`](crate::port::UploadStore).
#[macro_export]
macro_rules! upload_store_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            upload_store,
            $name,
            $fixture,
            [
                an_upload_is_read_back_whole,
                an_unknown_upload_is_not_there,
                an_account_has_no_more_than_it_may,
                ended_uploads_hold_their_places_for_a_while,
                however_many_begin_at_once_no_more_are_made_than_allowed,
                a_change_replaces_the_version_that_it_was_made_from,
                of_concurrent_changes_one_is_made,
                uploads_of_an_account_come_in_order_and_in_portions,
                what_is_longest_due_is_taken_first,
                what_was_taken_comes_again_after_the_lease,
                who_was_too_slow_changes_nothing,
                concurrent_takers_share_nothing,
                a_forgotten_upload_is_gone,
                only_the_known_version_is_forgotten,
            ]
        );
    };
}

/// Every field comes back, of a new upload and of one that has ended.
pub async fn an_upload_is_read_back_whole(fixture: &UploadStoreFixture) {
    let mut upload = fixture.created(samples::id()).await;
    assert_eq!(fixture.found(upload.id).await.as_ref(), Some(&upload));
    let refusal = Refusal { pointer: "/audio".to_owned(), code: "damaged_media".to_owned() };
    let (now, place) = (samples::moment(), samples::moment());
    upload.end(UploadStatus::Rejected, Some(refusal), now, place);
    upload.attempts = 3;
    assert!(fixture.store.change_upload(&upload).await.unwrap());
    upload.version = 2;
    assert_eq!(fixture.found(upload.id).await, Some(upload));

    let plain =
        DirectUpload { cover: None, title: None, genre: None, ..samples::direct_upload(samples::id()) };
    fixture.create(&plain).await;
    assert_eq!(fixture.found(plain.id).await, Some(plain));
}

/// What never was is not there, and is not changed.
pub async fn an_unknown_upload_is_not_there(fixture: &UploadStoreFixture) {
    fixture.created(samples::id()).await;
    let unknown = samples::direct_upload(samples::id());
    assert_eq!(fixture.found(unknown.id).await, None);
    assert!(!fixture.store.change_upload(&unknown).await.unwrap());
    assert!(!fixture.store.forget_upload(unknown.id, 1).await.unwrap());
    assert_eq!(fixture.found(unknown.id).await, None);
    let of_nobody = fixture.store.uploads_of(unknown.account_id, None, 10).await.unwrap();
    assert_eq!(of_nobody, []);
}

/// Beyond its places an account gets none more; others have their own.
pub async fn an_account_has_no_more_than_it_may(fixture: &UploadStoreFixture) {
    let (account, other) = (samples::id(), samples::id());
    for (of, stored) in [(account, true), (account, true), (account, false), (other, true)] {
        let upload = samples::direct_upload(of);
        assert_eq!(fixture.store.create_upload(&upload, 2).await.unwrap(), stored);
        assert_eq!(fixture.found(upload.id).await.is_some(), stored);
    }
    assert!(fixture.store.create_upload(&samples::direct_upload(account), 3).await.unwrap());
    assert!(fixture.store.create_upload(&samples::direct_upload(account), 0).await.unwrap());
}

/// A place is free from the very moment on until which it was held, and when its upload is forgotten.
pub async fn ended_uploads_hold_their_places_for_a_while(fixture: &UploadStoreFixture) {
    let account = samples::id();
    let mut ended = fixture.created(account).await;
    let until = samples::after(ended.created_at, Duration::from_secs(900));
    ended.end(UploadStatus::Aborted, None, samples::moment(), until);
    assert!(fixture.store.change_upload(&ended).await.unwrap());
    let next = |at: Timestamp| DirectUpload { created_at: at, ..samples::direct_upload(account) };
    let early = next(samples::before(until, Duration::from_micros(1)));
    assert!(!fixture.store.create_upload(&early, 1).await.unwrap());
    let last = next(until);
    assert!(fixture.store.create_upload(&last, 1).await.unwrap());
    assert!(!fixture.store.create_upload(&next(until), 1).await.unwrap());
    assert!(fixture.store.forget_upload(last.id, 1).await.unwrap());
    assert!(fixture.store.create_upload(&next(until), 1).await.unwrap());
}

/// Many tasks of one account begin at once: as many come through as there are places.
pub async fn however_many_begin_at_once_no_more_are_made_than_allowed(fixture: &UploadStoreFixture) {
    let account = samples::id();
    let begin = |_| {
        let (store, upload) = (fixture.store.clone(), samples::direct_upload(account));
        tokio::spawn(async move { store.create_upload(&upload, 3).await.unwrap() })
    };
    let begun = join_all((0..12).map(begin)).await;
    assert_eq!(begun.into_iter().filter(|made| *made.as_ref().unwrap()).count(), 3);
    assert_eq!(fixture.store.uploads_of(account, None, 100).await.unwrap().len(), 3);
}

/// The version grows by one; what was made from an older one changes nothing.
pub async fn a_change_replaces_the_version_that_it_was_made_from(fixture: &UploadStoreFixture) {
    let upload = fixture.created(samples::id()).await;
    let mut processing = upload.clone();
    processing.status = UploadStatus::Processing;
    processing.closed_at = Some(samples::moment());
    assert!(fixture.store.change_upload(&processing).await.unwrap());
    processing.version = 2;
    assert_eq!(fixture.found(upload.id).await, Some(processing.clone()));
    assert!(!fixture.store.change_upload(&upload).await.unwrap());
    let ahead = DirectUpload { version: 3, ..upload };
    assert!(!fixture.store.change_upload(&ahead).await.unwrap());
    assert_eq!(fixture.found(ahead.id).await, Some(processing));
}

/// Many tasks complete the same upload: one does.
pub async fn of_concurrent_changes_one_is_made(fixture: &UploadStoreFixture) {
    let upload = fixture.created(samples::id()).await;
    let change = |attempts| {
        let (store, changed) = (fixture.store.clone(), DirectUpload { attempts, ..upload.clone() });
        tokio::spawn(async move { store.change_upload(&changed).await.unwrap().then_some(attempts) })
    };
    let changed: Vec<u32> =
        join_all((1..=12).map(change)).await.into_iter().filter_map(Result::unwrap).collect();
    let [attempts] = changed.as_slice() else { panic!("{changed:?}") };
    let expected = DirectUpload { attempts: *attempts, version: 2, ..upload.clone() };
    assert_eq!(fixture.found(upload.id).await, Some(expected));
}

/// Smallest id first, from after the given one on, and nobody else's.
pub async fn uploads_of_an_account_come_in_order_and_in_portions(fixture: &UploadStoreFixture) {
    let account = samples::id();
    let mut own = Vec::new();
    for _ in 0..5 {
        own.push(fixture.created(account).await);
        fixture.created(samples::id()).await;
    }
    let portion = async |after, max| fixture.store.uploads_of(account, after, max).await.unwrap();
    assert_eq!(portion(None, 100).await, own);
    assert_eq!(ids(&portion(None, 2).await), ids(&own[..2]));
    assert_eq!(ids(&portion(Some(own[1].id), 2).await), ids(&own[2..4]));
    assert_eq!(ids(&portion(Some(own[3].id), 2).await), ids(&own[4..]));
    assert_eq!(portion(Some(own[4].id), 2).await, []);
}

/// Only what is due, the longest due first, and no more than asked for.
pub async fn what_is_longest_due_is_taken_first(fixture: &UploadStoreFixture) {
    let now = samples::moment();
    let at = |seconds: u32| samples::before(now, SECOND * seconds);
    let (third, first, second) = (fixture.due(now).await, fixture.due(at(9)).await, fixture.due(at(5)).await);
    let later = fixture.due(samples::after(now, Duration::from_micros(1))).await;
    assert_eq!(fixture.take(0, now).await, []);
    let taken = fixture.take(2, now).await;
    assert_eq!(ids(&taken), [first.id, second.id]);
    let due_at = samples::after(now, LEASE);
    assert_eq!(taken[0], DirectUpload { due_at, attempts: 1, version: 2, ..first });
    assert_eq!(fixture.found(taken[1].id).await.as_ref(), Some(&taken[1]));
    assert_eq!(ids(&fixture.take(9, now).await), [third.id]);
    assert_eq!(fixture.take(9, now).await, []);
    assert_eq!(fixture.found(later.id).await, Some(later));
}

/// Of whom nothing is heard, the upload goes to another, who learns how often that happened.
pub async fn what_was_taken_comes_again_after_the_lease(fixture: &UploadStoreFixture) {
    let now = samples::moment();
    let upload = fixture.due(now).await;
    assert_eq!(fixture.take(1, now).await.len(), 1);
    let end = samples::after(now, LEASE);
    assert_eq!(fixture.take(1, samples::before(end, SECOND)).await, []);
    let again = fixture.take(1, end).await;
    assert_eq!((again[0].id, again[0].attempts, again[0].version), (upload.id, 2, 3));
}

/// Whose lease has run out has lost the upload, as has who read it before it was taken.
pub async fn who_was_too_slow_changes_nothing(fixture: &UploadStoreFixture) {
    let now = samples::moment();
    let upload = fixture.due(now).await;
    let slow = fixture.take(1, now).await.remove(0);
    assert!(!fixture.store.change_upload(&upload).await.unwrap());
    let quick = fixture.take(1, samples::after(now, LEASE)).await.remove(0);
    assert!(!fixture.store.change_upload(&slow).await.unwrap());
    assert!(!fixture.store.forget_upload(slow.id, slow.version).await.unwrap());
    let due_at = samples::after(now, Duration::from_secs(3600));
    assert!(fixture.store.change_upload(&DirectUpload { due_at, ..quick }).await.unwrap());
    let found = fixture.found(upload.id).await.unwrap();
    assert_eq!((found.due_at, found.version), (due_at, 4));
}

/// Many tasks take at once: each upload goes to one of them.
pub async fn concurrent_takers_share_nothing(fixture: &UploadStoreFixture) {
    let now = samples::moment();
    let mut all = BTreeSet::new();
    for _ in 0..20 {
        all.insert(fixture.due(now).await.id);
    }
    let take = |_| {
        let store = fixture.store.clone();
        tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                let some = store.take_due_uploads(3, now, LEASE).await.unwrap();
                if some.is_empty() {
                    return taken;
                }
                taken.extend(ids(&some));
            }
        })
    };
    let taken: Vec<UploadId> =
        join_all((0..6).map(take)).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(taken.len(), all.len());
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), all);
}

/// It is not there, of nobody, and never due.
pub async fn a_forgotten_upload_is_gone(fixture: &UploadStoreFixture) {
    let now = samples::moment();
    let upload = fixture.due(now).await;
    assert!(fixture.store.forget_upload(upload.id, 1).await.unwrap());
    assert!(!fixture.store.forget_upload(upload.id, 1).await.unwrap());
    assert_eq!(fixture.found(upload.id).await, None);
    assert_eq!(fixture.store.uploads_of(upload.account_id, None, 9).await.unwrap(), []);
    assert_eq!(fixture.take(9, now).await, []);
}

/// What somebody has changed meanwhile stays.
pub async fn only_the_known_version_is_forgotten(fixture: &UploadStoreFixture) {
    let upload = fixture.created(samples::id()).await;
    assert!(fixture.store.change_upload(&upload).await.unwrap());
    assert!(!fixture.store.forget_upload(upload.id, 1).await.unwrap());
    assert!(fixture.found(upload.id).await.is_some());
    assert!(fixture.store.forget_upload(upload.id, 2).await.unwrap());
}
