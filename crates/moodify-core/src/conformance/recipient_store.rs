//! Holds a [`RecipientStore`] to its contract.

use std::{any::Any, sync::Arc, time::Duration};

use super::{Keep, samples};
use crate::model::{AccountId, ArtistId, PersonName, Recipient, Timestamp, TrackId};
use crate::port::RecipientStore;

/// An empty store.
pub struct RecipientStoreFixture {
    /// The store under test.
    pub store: Arc<dyn RecipientStore>,
    /// What must live as long as the store.
    pub keep: Keep,
}

impl RecipientStoreFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the store.
    pub fn new(store: Arc<dyn RecipientStore>, keep: impl Any + Send + Sync) -> Self {
        Self { store, keep: Box::new(keep) }
    }

    async fn put(&self, recipient: &Recipient, told_at: Timestamp) {
        self.store.put_recipient(recipient, told_at).await.unwrap();
    }

    async fn get(&self, id: AccountId) -> Option<Recipient> {
        self.store.recipient(id).await.unwrap()
    }

    async fn follow(&self, account: AccountId, artist: ArtistId) {
        self.store.set_following(account, artist, true, samples::moment()).await.unwrap();
    }

    async fn follows(&self, account: AccountId, artist: ArtistId) -> bool {
        self.store.is_following(account, artist).await.unwrap()
    }

    async fn followers(&self, artist: ArtistId) -> Vec<AccountId> {
        self.store.followers(artist, None, 1_000).await.unwrap()
    }

    /// A known listener with a verified mailbox who follows the artist.
    async fn follower(&self, artist: ArtistId) -> Recipient {
        let recipient = recipient();
        self.put(&recipient, samples::moment()).await;
        self.follow(recipient.account_id, artist).await;
        recipient
    }
}

const MICROSECOND: Duration = Duration::from_micros(1);

fn recipient() -> Recipient {
    Recipient {
        account_id: samples::id(),
        email: samples::email(),
        email_verified: true,
        first_name: PersonName::parse("Zoë 夜 O'Brien").unwrap(),
        artist_id: None,
    }
}

/// Makes a module of named tests that hold a store to the contract of
/// [`RecipientStore`](crate::port::RecipientStore).
#[macro_export]
macro_rules! recipient_store_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            recipient_store,
            $name,
            $fixture,
            [
                recipients_come_back_as_they_were_put,
                newer_facts_win_whatever_the_order,
                an_artist_once_known_stays,
                a_removed_recipient_stays_away,
                removing_takes_the_follows_along,
                the_newest_word_on_a_follow_counts,
                the_gone_follow_nobody,
                nobody_follows_the_gone,
                no_follow_outlives_an_end_beside_it,
                those_who_follow_each_other_go_at_once,
                followers_come_in_pages,
                only_who_may_be_told_is_a_follower,
                announcements_only_go_forward,
                what_has_ended_is_forgotten_after_a_while,
            ]
        );
    };
}

/// What is put comes back, and nothing where nothing was put.
pub async fn recipients_come_back_as_they_were_put(fixture: &RecipientStoreFixture) {
    let (listener, mut artist) = (recipient(), recipient());
    artist.artist_id = Some(samples::id());
    artist.email_verified = false;
    for one in [&listener, &artist] {
        fixture.put(one, samples::moment()).await;
        assert_eq!(fixture.get(one.account_id).await.as_ref(), Some(one));
    }
    assert_eq!(fixture.get(samples::id()).await, None);
}

/// Of two facts the newer one stays, whichever came first; one of the same moment replaces.
pub async fn newer_facts_win_whatever_the_order(fixture: &RecipientStoreFixture) {
    let old = recipient();
    let new = Recipient { email: samples::email(), email_verified: false, ..old.clone() };
    let (earlier, later) = (samples::moment(), samples::moment());
    fixture.put(&new, later).await;
    fixture.put(&old, earlier).await;
    assert_eq!(fixture.get(old.account_id).await.as_ref(), Some(&new));
    let newest = Recipient { email: samples::email(), ..new };
    fixture.put(&newest, later).await;
    assert_eq!(fixture.get(old.account_id).await, Some(newest));
}

/// A fact without the artist does not take it away, and an old one with it still tells it.
pub async fn an_artist_once_known_stays(fixture: &RecipientStoreFixture) {
    let plain = recipient();
    let artist = Recipient { artist_id: Some(samples::id()), ..plain.clone() };
    let (earlier, later) = (samples::moment(), samples::moment());
    fixture.put(&plain, later).await;
    fixture.put(&artist, earlier).await;
    assert_eq!(fixture.get(plain.account_id).await.as_ref(), Some(&artist));
    fixture.put(&plain, samples::moment()).await;
    assert_eq!(fixture.get(plain.account_id).await, Some(artist));
}

/// What was told before the removal does not bring an account back.
pub async fn a_removed_recipient_stays_away(fixture: &RecipientStoreFixture) {
    let (known, unknown) = (recipient(), recipient());
    let (before, removed) = (samples::moment(), samples::moment());
    fixture.put(&known, before).await;
    for one in [&known, &unknown] {
        assert!(!fixture.store.is_gone(one.account_id).await.unwrap());
        fixture.store.remove_recipient(one.account_id, None, removed).await.unwrap();
        fixture.put(one, before).await;
        assert_eq!(fixture.get(one.account_id).await, None);
        assert!(fixture.store.is_gone(one.account_id).await.unwrap());
    }
    let newer = recipient();
    let (earlier, later) = (samples::moment(), samples::moment());
    fixture.put(&newer, later).await;
    fixture.store.remove_recipient(newer.account_id, None, earlier).await.unwrap();
    assert_eq!(fixture.get(newer.account_id).await, Some(newer));
}

/// With an account go its follows, and those of the artist it was; others' stay.
pub async fn removing_takes_the_follows_along(fixture: &RecipientStoreFixture) {
    let (gone_artist, other_artist) = (samples::id(), samples::id());
    let (gone, other) = (fixture.follower(other_artist).await, fixture.follower(other_artist).await);
    fixture.follow(other.account_id, gone_artist).await;
    let now = samples::moment();
    fixture.store.remove_recipient(gone.account_id, Some(gone_artist), now).await.unwrap();
    assert!(!fixture.follows(gone.account_id, other_artist).await);
    assert!(!fixture.follows(other.account_id, gone_artist).await);
    assert_eq!(fixture.followers(gone_artist).await, []);
    assert_eq!(fixture.followers(other_artist).await, [other.account_id]);
}

/// Following and unfollowing may come in any order: the newer one counts.
pub async fn the_newest_word_on_a_follow_counts(fixture: &RecipientStoreFixture) {
    let (account, artist) = (samples::id(), samples::id());
    let [first, second, third] = [samples::moment(), samples::moment(), samples::moment()];
    assert!(!fixture.follows(account, artist).await);
    let set = async |following, at| {
        fixture.store.set_following(account, artist, following, at).await.unwrap();
        fixture.follows(account, artist).await
    };
    assert!(!set(false, second).await);
    assert!(!set(true, first).await, "it was over by then");
    assert!(set(true, third).await);
    assert!(set(false, second).await);
    assert!(!fixture.follows(account, samples::id()).await);
    assert!(!fixture.follows(samples::id(), artist).await);
}

/// Artists who follow each other are removed at the same time, and nothing is left of any.
pub async fn those_who_follow_each_other_go_at_once(fixture: &RecipientStoreFixture) {
    let everybody: Vec<(AccountId, ArtistId)> = (0..12).map(|_| (samples::id(), samples::id())).collect();
    for (account, artist) in &everybody {
        let recipient = Recipient { account_id: *account, artist_id: Some(*artist), ..recipient() };
        fixture.put(&recipient, samples::moment()).await;
    }
    for (account, _) in &everybody {
        for (_, artist) in &everybody {
            fixture.follow(*account, *artist).await;
        }
    }
    let removals = everybody.iter().map(|(account, artist)| {
        let (store, account, artist) = (fixture.store.clone(), *account, *artist);
        let told_at = samples::after(samples::moment(), MICROSECOND);
        tokio::spawn(async move { store.remove_recipient(account, Some(artist), told_at).await })
    });
    for removal in futures::future::join_all(removals.collect::<Vec<_>>()).await {
        removal.unwrap().unwrap();
    }
    for (_, artist) in &everybody {
        assert_eq!(fixture.followers(*artist).await, []);
    }
}

/// An account that is gone follows nobody, whenever it was told.
pub async fn the_gone_follow_nobody(fixture: &RecipientStoreFixture) {
    let (account, artist) = (samples::id(), samples::id());
    fixture.store.remove_recipient(account, None, samples::moment()).await.unwrap();
    fixture.follow(account, artist).await;
    assert!(!fixture.follows(account, artist).await);
}

/// An artist who is gone is followed by nobody, whenever it was told.
pub async fn nobody_follows_the_gone(fixture: &RecipientStoreFixture) {
    let (account, artist, other) = (samples::id(), samples::id(), samples::id());
    fixture.store.remove_recipient(samples::id(), Some(artist), samples::moment()).await.unwrap();
    for followed in [artist, other] {
        fixture.follow(account, followed).await;
    }
    assert!(!fixture.follows(account, artist).await);
    assert!(fixture.follows(account, other).await);
}

/// Of a follow and the end of its account or its artist, told at once, the follow is never what is left.
pub async fn no_follow_outlives_an_end_beside_it(fixture: &RecipientStoreFixture) {
    for round in 0..16 {
        let (account, artist): (AccountId, ArtistId) = (samples::id(), samples::id());
        let (gone, of) = if round % 2 == 0 { (account, None) } else { (samples::id(), Some(artist)) };
        let (told_at, ended_at) = (samples::moment(), samples::moment());
        let store = fixture.store.clone();
        let follow = tokio::spawn(async move { store.set_following(account, artist, true, told_at).await });
        let store = fixture.store.clone();
        let end = tokio::spawn(async move { store.remove_recipient(gone, of, ended_at).await });
        follow.await.unwrap().unwrap();
        end.await.unwrap().unwrap();
        assert!(!fixture.follows(account, artist).await, "round {round}");
    }
}

/// Pages go through all followers in the order of their ids, each once.
pub async fn followers_come_in_pages(fixture: &RecipientStoreFixture) {
    let artist = samples::id();
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.push(fixture.follower(artist).await.account_id);
    }
    expected.sort_unstable();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = fixture.store.followers(artist, after, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(*last);
        found.extend(page);
    }
    assert_eq!(found, expected);
    assert_eq!(fixture.store.followers(artist, None, 0).await.unwrap(), []);
}

/// Not told: who is unknown, unverified, gone, follows no more or another artist, or is the artist.
pub async fn only_who_may_be_told_is_a_follower(fixture: &RecipientStoreFixture) {
    let artist = samples::id();
    let told = fixture.follower(artist).await;
    let other_artist = Recipient { artist_id: Some(samples::id()), ..recipient() };
    let unverified = Recipient { email_verified: false, ..recipient() };
    let the_artist = Recipient { artist_id: Some(artist), ..recipient() };
    for one in [&other_artist, &unverified, &the_artist] {
        fixture.put(one, samples::moment()).await;
        fixture.follow(one.account_id, artist).await;
    }
    fixture.follow(samples::id(), artist).await;
    fixture.follower(samples::id()).await;
    let ended = fixture.follower(artist).await;
    fixture.store.set_following(ended.account_id, artist, false, samples::moment()).await.unwrap();
    let gone = fixture.follower(artist).await;
    fixture.store.remove_recipient(gone.account_id, None, samples::moment()).await.unwrap();

    let mut expected = [told.account_id, other_artist.account_id];
    expected.sort_unstable();
    assert_eq!(fixture.followers(artist).await, expected);
}

/// How far an announcement came never goes back, and is each track's own.
pub async fn announcements_only_go_forward(fixture: &RecipientStoreFixture) {
    let (track, other): (TrackId, TrackId) = (samples::id(), samples::id());
    let (low, high): (AccountId, AccountId) = (samples::id(), samples::id());
    let store = &fixture.store;
    assert_eq!(store.announced_up_to(track).await.unwrap(), None);
    for up_to in [low, high, low] {
        store.note_announced(track, up_to, samples::moment()).await.unwrap();
    }
    store.note_announced(other, low, samples::moment()).await.unwrap();
    assert_eq!(store.announced_up_to(track).await.unwrap(), Some(high));
    assert_eq!(store.announced_up_to(other).await.unwrap(), Some(low));
}

/// Only what has ended is forgotten, only when it is old, and at most `max` of each kind.
pub async fn what_has_ended_is_forgotten_after_a_while(fixture: &RecipientStoreFixture) {
    let (artist, track) = (samples::id(), samples::id());
    let stays = fixture.follower(artist).await;
    let gone = recipient();
    let then = samples::moment();
    let store = &fixture.store;
    store.remove_recipient(gone.account_id, None, then).await.unwrap();
    for _ in 0..2 {
        store.set_following(samples::id(), artist, false, then).await.unwrap();
    }
    store.note_announced(track, samples::id(), then).await.unwrap();

    assert_eq!(store.forget(then, 10).await.unwrap(), 0);
    let later = samples::after(then, MICROSECOND);
    assert_eq!(store.forget(later, 0).await.unwrap(), 0);
    assert_eq!(store.forget(later, 1).await.unwrap(), 3);
    assert_eq!(store.forget(later, 10).await.unwrap(), 1);
    assert_eq!(store.announced_up_to(track).await.unwrap(), None);
    assert_eq!(fixture.followers(artist).await, [stays.account_id]);
    // Nothing is known of it any more, not even that it is gone.
    fixture.put(&gone, then).await;
    assert_eq!(fixture.get(gone.account_id).await, Some(gone));
}
