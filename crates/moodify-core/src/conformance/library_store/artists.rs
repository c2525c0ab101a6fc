use super::{LibraryStoreFixture, size};
use crate::conformance::samples;
use crate::model::search::{matches, query_words};
use crate::model::{Artist, ArtistId, ArtistName, ArtistSummary, TrackStatus, Visibility};

/// A profile counts followers, and the tracks that everybody can find.
pub async fn followers_and_public_tracks_are_counted(fixture: &LibraryStoreFixture) {
    assert_eq!(fixture.store.artist_summary(samples::id()).await.unwrap(), None);
    let artist = fixture.artist().await;
    let nothing = ArtistSummary { artist: artist.clone(), follower_count: 0, track_count: 0 };
    assert_eq!(fixture.store.artist_summary(artist.id).await.unwrap(), Some(nothing));
    for _ in 0..2 {
        fixture.track(&artist).await;
    }
    fixture.track_with(&artist, |track| track.visibility = Visibility::Private).await;
    fixture.track_with(&artist, |track| track.visibility = Visibility::Unlisted).await;
    fixture.track_with(&artist, |track| track.status = TrackStatus::Processing).await;
    let ada = samples::id();
    for account in [ada, samples::id(), samples::id()] {
        fixture.store.follow(account, artist.id, samples::moment(), &[]).await.unwrap();
    }
    fixture.store.unfollow(ada, artist.id, samples::moment(), &[]).await.unwrap();
    let expected = ArtistSummary { artist: artist.clone(), follower_count: 2, track_count: 2 };
    assert_eq!(fixture.store.artist_summary(artist.id).await.unwrap(), Some(expected));
}

async fn found(fixture: &LibraryStoreFixture, query: &str, items: u32) -> Vec<ArtistId> {
    let words = query_words(query);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = fixture.store.list_artists(&words, size(items), after.as_ref()).await.unwrap();
        assert!(page.items.len() <= items as usize);
        found.extend(page.items.iter().map(|summary| summary.artist.id));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Every query finds exactly what [`matches()`] says of the present name.
pub async fn artists_are_found_by_the_words_of_their_names(fixture: &LibraryStoreFixture) {
    let mut artists: Vec<Artist> = Vec::new();
    for name in
        ["José González", "Joseph & the Gonzos", "AC/DC", "夜の音", "Beyoncé", "…", "100% _Fun*", "The The"]
    {
        let artist = Artist { name: ArtistName::parse(name).unwrap(), ..samples::artist() };
        fixture.catalog.upsert_artist(&artist).await.unwrap();
        artists.push(artist);
    }
    let renamed = samples::renamed(&artists[4], "Josephine");
    fixture.catalog.upsert_artist(&renamed).await.unwrap();
    artists[4] = renamed;
    for query in [
        "",
        "jose",
        "JOSÉ gon",
        "gon jos",
        "ac",
        "dc ac",
        "夜",
        "beyonce",
        "100",
        "%",
        "_fun",
        "the",
        "x",
        "jo g z",
    ] {
        let words = query_words(query);
        let mut expected: Vec<ArtistId> = artists
            .iter()
            .filter(|artist| matches(&words, &[artist.name.as_str()]))
            .map(|artist| artist.id)
            .collect();
        expected.sort();
        expected.reverse();
        for items in [1, 100] {
            assert_eq!(found(fixture, query, items).await, expected, "query {query:?}");
        }
    }
}

/// By followers, of equal ones the newest; found or not.
pub async fn artists_come_most_followed_first(fixture: &LibraryStoreFixture) {
    let mut expected = Vec::new();
    for followers in [1, 0, 3, 1, 2, 0, 3] {
        let artist = Artist { name: ArtistName::parse("Same Name").unwrap(), ..samples::artist() };
        fixture.catalog.upsert_artist(&artist).await.unwrap();
        for _ in 0..followers {
            fixture.store.follow(samples::id(), artist.id, samples::moment(), &[]).await.unwrap();
        }
        expected.push((followers, artist.id));
    }
    expected.sort();
    expected.reverse();
    let expected: Vec<ArtistId> = expected.into_iter().map(|(_, id)| id).collect();
    for query in ["", "same", "name sa"] {
        for items in [1, 3, 7, 100] {
            assert_eq!(found(fixture, query, items).await, expected, "query {query:?}, pages of {items}");
        }
    }
}
