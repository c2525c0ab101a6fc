use std::time::Duration;

use super::LibraryStoreFixture;
use super::plays::report;
use crate::conformance::dice::Dice;
use crate::conformance::reading::random_pages_are_whole;
use crate::conformance::samples;
use crate::model::search::query_words;
use crate::model::{AccountId, Artist, LibraryItem, Page, Timestamp, later};

/// A moment of a few: many are the same, and later ones come before and after earlier ones.
fn some_moment(first: Timestamp, dice: &Dice) -> Timestamp {
    later(first, Duration::from_secs(dice.below(12) as u64))
}

async fn listener() -> (AccountId, Timestamp) {
    (samples::id(), samples::moment())
}

/// Likes come at random moments while the list is read.
pub async fn random_pages_of_likes_are_whole(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let add = async |(account, first): &(AccountId, Timestamp), dice: &Dice| {
        let track = fixture.track(&artist).await;
        fixture.store.like(*account, track.id, some_moment(*first, dice)).await.unwrap();
        track.id
    };
    random_pages_are_whole(listener, add, async |(account, _), size, after| {
        let page = fixture.store.liked_tracks(*account, None, size, after.as_ref()).await.unwrap();
        Page { items: page.items.into_iter().map(|liked| liked.track.id).collect(), next: page.next }
    })
    .await;
}

/// The same of follows.
pub async fn random_pages_of_follows_are_whole(fixture: &LibraryStoreFixture) {
    let add = async |(account, first): &(AccountId, Timestamp), dice: &Dice| {
        let artist = fixture.artist().await;
        fixture.store.follow(*account, artist.id, some_moment(*first, dice), &[]).await.unwrap();
        artist.id
    };
    random_pages_are_whole(listener, add, async |(account, _), size, after| {
        let page = fixture.store.followed_artists(*account, size, after.as_ref()).await.unwrap();
        Page { items: page.items.into_iter().map(|one| one.summary.artist.id).collect(), next: page.next }
    })
    .await;
}

/// Artists with some followers come while they are searched for.
pub async fn random_pages_of_artists_are_whole(fixture: &LibraryStoreFixture) {
    let add = async |word: &String, dice: &Dice| {
        let artist: Artist = samples::renamed(&samples::artist(), &format!("The {word}"));
        fixture.catalog.upsert_artist(&artist).await.unwrap();
        for _ in 0..dice.below(4) {
            fixture.store.follow(samples::id(), artist.id, samples::moment(), &[]).await.unwrap();
        }
        artist.id
    };
    random_pages_are_whole(
        async || samples::word(),
        add,
        async |word, size, after| {
            let page = fixture.store.list_artists(&query_words(word), size, after.as_ref()).await.unwrap();
            Page { items: page.items.into_iter().map(|summary| summary.artist.id).collect(), next: page.next }
        },
    )
    .await;
}

/// Plays that began at random moments are reported while the history is read.
pub async fn random_pages_of_history_are_whole(fixture: &LibraryStoreFixture) {
    let track = fixture.track(&fixture.artist().await).await;
    let add = async |(account, first): &(AccountId, Timestamp), dice: &Dice| {
        let play = report(*account, &track, some_moment(*first, dice));
        fixture.play(&play).await;
        play.play_id
    };
    random_pages_are_whole(listener, add, async |(account, _), size, after| {
        let page = fixture.store.history(*account, None, size, after.as_ref()).await.unwrap();
        Page { items: page.items.into_iter().map(|entry| entry.play_id).collect(), next: page.next }
    })
    .await;
}

/// Changes of all kinds come while the feed is read.
pub async fn random_pages_of_changes_are_whole(fixture: &LibraryStoreFixture) {
    let artist = fixture.artist().await;
    let add = async |(account, first): &(AccountId, Timestamp), dice: &Dice| {
        let (account, at) = (*account, some_moment(*first, dice));
        let item = match dice.below(3) {
            0 => {
                let track = fixture.track(&artist).await;
                fixture.store.like(account, track.id, at).await.unwrap();
                LibraryItem::Like(track.id)
            }
            1 => {
                let artist = fixture.artist().await;
                fixture.store.follow(account, artist.id, at, &[]).await.unwrap();
                LibraryItem::Follow(artist.id)
            }
            _ => {
                let playlist = samples::playlist(account);
                fixture.catalog.create_playlist(&playlist, &[]).await.unwrap();
                LibraryItem::Playlist(playlist.id)
            }
        };
        format!("{item:?}")
    };
    random_pages_are_whole(listener, add, async |(account, _), size, after| {
        let page = fixture.store.changes(*account, after.unwrap_or(0), size).await.unwrap();
        let items = page.changes.iter().map(|change| format!("{:?}", change.item)).collect();
        Page { items, next: page.more.then_some(page.until) }
    })
    .await;
}
