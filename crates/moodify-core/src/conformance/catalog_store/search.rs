use super::{CatalogStoreFixture, ids};
use crate::conformance::samples;
use crate::model::search::{fold, matches, query_words};
use crate::model::{
    Artist, ArtistName, Genre, Title, Track, TrackChange, TrackFilter, TrackSort, TrackStatus, Visibility,
};

const STATES: [(Visibility, TrackStatus); 9] = [
    (Visibility::Public, TrackStatus::Processing),
    (Visibility::Public, TrackStatus::Ready),
    (Visibility::Public, TrackStatus::Rejected),
    (Visibility::Unlisted, TrackStatus::Processing),
    (Visibility::Unlisted, TrackStatus::Ready),
    (Visibility::Unlisted, TrackStatus::Rejected),
    (Visibility::Private, TrackStatus::Processing),
    (Visibility::Private, TrackStatus::Ready),
    (Visibility::Private, TrackStatus::Rejected),
];

/// A track of this artist in every state; the second one is published.
async fn in_every_state(fixture: &CatalogStoreFixture, artist: &Artist) -> Vec<Track> {
    let mut tracks = Vec::new();
    for (visibility, status) in STATES {
        let track = fixture.track_with(artist, |track| {
            track.visibility = visibility;
            track.status = status;
        });
        tracks.push(track.await);
    }
    tracks
}

fn newest_first(tracks: &[Track]) -> Vec<crate::model::TrackId> {
    let mut ids = ids(tracks);
    ids.sort();
    ids.reverse();
    ids
}

/// Nobody but its artist finds a track that is not public or not ready.
pub async fn only_published_tracks_are_listed(fixture: &CatalogStoreFixture) {
    let (artist, viewer) = (fixture.artist().await, fixture.artist().await);
    let tracks = in_every_state(fixture, &artist).await;
    for viewer in [None, Some(viewer.id)] {
        let filter = TrackFilter { artist_id: Some(artist.id), viewer, ..TrackFilter::default() };
        assert_eq!(fixture.listed(&filter).await, [tracks[1].id]);
    }
}

/// An artist finds all own tracks among the published ones of the others.
pub async fn artists_see_their_own_tracks_in_every_state(fixture: &CatalogStoreFixture) {
    let (artist, other) = (fixture.artist().await, fixture.artist().await);
    let mut expected = in_every_state(fixture, &artist).await;
    let others = in_every_state(fixture, &other).await;
    let filter =
        TrackFilter { artist_id: Some(artist.id), viewer: Some(artist.id), ..TrackFilter::default() };
    assert_eq!(fixture.listed(&filter).await, newest_first(&expected));

    expected.push(others[1].clone());
    let filter = TrackFilter { viewer: Some(artist.id), ..TrackFilter::default() };
    assert_eq!(fixture.listed(&filter).await, newest_first(&expected));
}

/// Every query finds exactly what [`matches()`] says: prefixes of words, folded, in title and
/// artist's name, and no letter of a query is an operator.
pub async fn words_match_as_the_model_says(fixture: &CatalogStoreFixture) {
    let mut artist = samples::artist();
    artist.name = ArtistName::parse("José Padilla & the AC/DC").unwrap();
    fixture.store.upsert_artist(&artist).await.unwrap();
    let mut tracks = Vec::new();
    for title in [
        "Café del Mar",
        "Cafeteria",
        "Decaf",
        "Don't Stop",
        "Black AND White",
        "NOT near OR nor",
        "99 Luftballons",
        "ﬁnale Ⅸ ＡＢＣ",
        "夜に駆ける",
        "हिन्दी गीत",
        "Straße nach Süden",
        "İstanbul ΣΊΣΥΦΟΣ",
        "Сердце",
        "100% _under_score*",
        "\"quoted\" (brackets) a:b -c",
        "…",
        "🎵🎶",
        "naïve e\u{301}te\u{301}",
        "ガラス",
        "Ångström-Blues",
    ] {
        let title = Title::parse(title).unwrap();
        tracks.push(fixture.track_with(&artist, |track| track.title = title).await);
    }
    for query in [
        "",
        " -- ",
        "cafe",
        "CAFÉ",
        "cafe d",
        "mar café",
        "caf",
        "afe",
        "jose",
        "pad cafe",
        "ac dc",
        "dc ac/",
        "don't",
        "dont",
        "t",
        "and",
        "or",
        "not near",
        "AND white",
        "9",
        "99",
        "fin",
        "ix abc",
        "夜",
        "夜に",
        "に",
        "हिन",
        "ग",
        "strasse",
        "straße",
        "suden",
        "istanbul",
        "σισυφος",
        "σίσυφος",
        "серд",
        "100%",
        "100*",
        "_under",
        "under_",
        "score",
        "quoted",
        "\"quoted\"",
        "(brackets)",
        "a:b",
        "-c",
        "c",
        "ete",
        "été",
        "カ",
        "ガ",
        "angstrom blues",
        "blues ångström padilla",
        "'; DROP TABLE tracks; --",
        "cafe x",
        "\u{1F3B5}",
        "%",
        "_",
        "*",
        "\\",
    ] {
        let words = query_words(query);
        let expected: Vec<Track> = tracks
            .iter()
            .filter(|track| matches(&words, &[track.title.as_str(), artist.name.as_str()]))
            .cloned()
            .collect();
        let filter = TrackFilter { words, artist_id: Some(artist.id), ..TrackFilter::default() };
        assert_eq!(fixture.listed(&filter).await, newest_first(&expected), "query {query:?}");
    }
}

/// A renamed artist is found by the new name and no longer by the old one.
pub async fn words_match_the_present_name_of_the_artist(fixture: &CatalogStoreFixture) {
    let (old, new) = (samples::word(), samples::word());
    let mut artist = samples::artist();
    artist.name = ArtistName::parse(&format!("The {old}")).unwrap();
    fixture.store.upsert_artist(&artist).await.unwrap();
    let track = fixture.track(&artist).await;
    let by = |word: &str| TrackFilter { words: query_words(word), ..TrackFilter::default() };
    assert_eq!(fixture.listed(&by(&old)).await, [track.id]);

    fixture.store.upsert_artist(&samples::renamed(&artist, &format!("The {new}"))).await.unwrap();
    assert_eq!(fixture.listed(&by(&new)).await, [track.id]);
    assert_eq!(fixture.listed(&by(&old)).await, []);
}

/// The longest texts of characters that stand for whole words: folded they are many times as long, and
/// no longer than an index takes.
pub async fn words_that_grow_when_folded_are_found(fixture: &CatalogStoreFixture) {
    // Squared katakana words, Arabic ligatures and squared Latin ones, none of them twice in a row.
    let grown: Vec<char> = ('\u{3300}'..='\u{3357}')
        .chain('\u{FDF0}'..='\u{FDFB}')
        .chain('\u{FC00}'..='\u{FC5D}')
        .chain('\u{3371}'..='\u{33DF}')
        .collect();
    let text = |from: usize, len: usize| -> String {
        (0..len).map(|n| grown[(from + n * 37) % grown.len()]).collect()
    };
    let mut artist = samples::artist();
    artist.name = ArtistName::parse(&text(5, ArtistName::MAX_CHARS)).unwrap();
    fixture.store.upsert_artist(&artist).await.unwrap();
    let mut tracks = Vec::new();
    for title in [text(0, Title::MAX_CHARS), text(50, Title::MAX_CHARS), "\u{3316}".repeat(Title::MAX_CHARS)]
    {
        let title = Title::parse(&title).unwrap();
        let genre = Some(Genre::parse(&text(9, Genre::MAX_CHARS)).unwrap());
        let change = |track: &mut Track| (track.title, track.genre) = (title, genre);
        tracks.push(fixture.track_with(&artist, change).await);
    }
    let mut queries: Vec<String> = tracks.iter().map(|track| track.title.as_str().to_owned()).collect();
    queries.extend([artist.name.as_str().to_owned(), text(0, 1_000), "キロメートル".to_owned()]);
    for query in queries {
        let words = query_words(&query);
        let found = |track: &&Track| matches(&words, &[track.title.as_str(), artist.name.as_str()]);
        let expected: Vec<Track> = tracks.iter().filter(found).cloned().collect();
        let filter = TrackFilter { words, artist_id: Some(artist.id), ..TrackFilter::default() };
        assert_eq!(fixture.listed(&filter).await, newest_first(&expected), "query {query:?}");
    }
    let filter = TrackFilter { sort: TrackSort::Title, genre: tracks[0].genre.clone(), ..filter_of(&artist) };
    let mut by_title = tracks.clone();
    by_title.sort_by_key(|track| (fold(track.title.as_str()), track.id));
    assert_eq!(fixture.listed(&filter).await, ids(&by_title));
    let edited = TrackChange { title: Some(tracks[1].title.clone()), ..TrackChange::default() };
    fixture.store.update_track(tracks[2].id, None, &edited, &[], &[]).await.unwrap();
}

/// A genre is found whatever its case and accents; a track without one never is.
pub async fn genres_are_compared_folded(fixture: &CatalogStoreFixture) {
    let artist = fixture.artist().await;
    let genre = |text: &str| Some(Genre::parse(text).unwrap());
    let one = fixture.track_with(&artist, |track| track.genre = genre("Électro")).await;
    let two = fixture.track_with(&artist, |track| track.genre = genre("ELECTRO")).await;
    fixture.track_with(&artist, |track| track.genre = genre("Electro Swing")).await;
    fixture.track_with(&artist, |track| track.genre = None).await;
    for asked in ["electro", "ÉlecTRO"] {
        let filter =
            TrackFilter { genre: genre(asked), artist_id: Some(artist.id), ..TrackFilter::default() };
        assert_eq!(fixture.listed(&filter).await, [two.id, one.id]);
    }
    let filter = TrackFilter { genre: genre("swing"), ..filter_of(&artist) };
    assert_eq!(fixture.listed(&filter).await, []);
}

fn filter_of(artist: &Artist) -> TrackFilter {
    TrackFilter { artist_id: Some(artist.id), ..TrackFilter::default() }
}

/// A list of one artist holds no other's tracks; that of an unknown one is empty.
pub async fn artists_are_listed_apart(fixture: &CatalogStoreFixture) {
    let (artist, other) = (fixture.artist().await, fixture.artist().await);
    let track = fixture.track(&artist).await;
    let others = fixture.track(&other).await;
    assert_eq!(fixture.listed(&filter_of(&artist)).await, [track.id]);
    assert_eq!(fixture.listed(&filter_of(&other)).await, [others.id]);
    assert_eq!(fixture.listed(&filter_of(&samples::artist())).await, []);
}

/// A track is listed only if it passes every part of the filter.
pub async fn filters_add_up(fixture: &CatalogStoreFixture) {
    let (artist, other) = (fixture.artist().await, fixture.artist().await);
    let word = samples::word();
    let title = Title::parse(&format!("Song {word}")).unwrap();
    let genre = Some(Genre::parse("Jazz").unwrap());
    let wanted = fixture
        .track_with(&artist, |track| (track.title, track.genre) = (title.clone(), genre.clone()))
        .await;
    fixture.track_with(&artist, |track| track.title = title.clone()).await;
    fixture.track_with(&artist, |track| track.genre = genre.clone()).await;
    fixture.track_with(&other, |track| (track.title, track.genre) = (title.clone(), genre.clone())).await;
    let filter = TrackFilter { words: query_words(&word), genre, ..filter_of(&artist) };
    assert_eq!(fixture.listed(&filter).await, [wanted.id]);
}
