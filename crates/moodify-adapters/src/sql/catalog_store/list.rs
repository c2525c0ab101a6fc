//! Pages of tracks, by position: a page costs the same wherever it stands and however many tracks
//! there are.

use moodify_core::model::{Page, PageSize, Track, TrackFilter, TrackSort, search};
use moodify_core::port::{CatalogError, TrackPosition};

use super::list_query::{ListQuery, Way};
use super::{tracks, words};
use crate::sql::SqlStore;
use crate::sql::database::Row;
use crate::sql::error::Fault;

pub(super) async fn page(
    store: &SqlStore,
    filter: &TrackFilter,
    size: PageSize,
    after: Option<&TrackPosition>,
) -> Result<Page<Track, TrackPosition>, CatalogError> {
    let rows = if filter.words.is_empty() {
        let list = ListQuery { filter, after, way: Way::Walk { until: None } };
        store.database.all(list.page(size)).await?
    } else {
        search(store, filter, size, after, Effort::MEASURED).await?
    };
    let tracks = rows.iter().map(tracks::track).collect::<Result<_, _>>()?;
    Ok(Page::from_surplus(tracks, size, |track| position(filter.sort, track)))
}

/// Where one way to search becomes dearer than another, measured with 100,000 tracks on SQLite
/// (docs/adr/0011-lists-that-stay-put-and-stay-fast.md).
#[derive(Clone, Copy)]
struct Effort {
    /// So many entries of the index with one of the words are looked up at once.
    looked_up: usize,
    /// Of more, those of so many words are merged.
    merged: usize,
    /// Of so many tracks with one word, the ones that also have the others are picked.
    picked: usize,
    /// So many tracks are looked at in the wanted order.
    walked: usize,
}

impl Effort {
    const MEASURED: Self = Self { looked_up: 500, merged: 12, picked: 1_000, walked: 10_000 };
}

/// Few matches are looked up and sorted. The tracks with one word stand in the order of plays and
/// of age, so of many matches for a few words the first ones are merged. If a word begins many, it is
/// often met in any order: the tracks are walked in the wanted one. If that does not fill a page, the
/// long list has to be looked up after all.
async fn search(
    store: &SqlStore,
    filter: &TrackFilter,
    size: PageSize,
    after: Option<&TrackPosition>,
    effort: Effort,
) -> Result<Vec<Row>, Fault> {
    let (word, count) = rarest_word(store, filter, effort).await?;
    let look_up = ListQuery { filter, after, way: Way::LookUp { word } };
    if count <= effort.looked_up {
        return store.database.all(look_up.page(size)).await;
    }
    if let Some(forms) = mergeable(store, filter, word, effort).await? {
        let merge =
            ListQuery { filter, after, way: Way::Merge { word, forms: &forms, picked: effort.picked } };
        let rows = store.database.all(merge.page(size)).await?;
        let all_seen = filter.words.len() == 1;
        if rows.len() > size.get() || all_seen {
            return Ok(rows);
        }
        return store.database.all(look_up.page(size)).await;
    }
    let all = ListQuery { filter, after, way: Way::Walk { until: None } };
    let until = store.database.optional(all.end_of_walk(effort.walked)).await?;
    let until = until.map(|row| position_of_row(filter.sort, &row)).transpose()?;
    let walk = ListQuery { way: Way::Walk { until: until.as_ref() }, ..all };
    let rows = store.database.all(walk.page(size)).await?;
    if rows.len() > size.get() || until.is_none() {
        return Ok(rows);
    }
    store.database.all(look_up.page(size)).await
}

/// The words that the query word begins, if their tracks can be merged in the wanted order.
async fn mergeable(
    store: &SqlStore,
    filter: &TrackFilter,
    word: usize,
    effort: Effort,
) -> Result<Option<Vec<String>>, Fault> {
    let TrackFilter { words, artist_id, genre, viewer, sort } = filter;
    // Which of its tracks are of an artist or a genre, the index of words does not know.
    if *sort == TrackSort::Title || artist_id.is_some() || genre.is_some() || viewer.is_some() {
        return Ok(None);
    }
    // Where other words have to be met too, the merged lists would end at different places.
    let most = if words.len() == 1 { effort.merged } else { effort.merged.min(1) };
    let rows = store.database.all(words::forms(&words[word], most + 1)).await?;
    if rows.len() > most {
        return Ok(None);
    }
    rows.iter().map(|row| row.text("word")).collect::<Result<_, _>>().map(Some)
}

/// The index of the query word that the fewest tracks have, and how many these are; counted no
/// further than matters.
async fn rarest_word(
    store: &SqlStore,
    filter: &TrackFilter,
    effort: Effort,
) -> Result<(usize, usize), Fault> {
    let row = store.database.optional(words::count(&filter.words, effort.looked_up)).await?;
    let row = row.ok_or_else(|| Fault::stored("n0"))?;
    let mut rarest = (0, usize::MAX);
    for index in 0..filter.words.len() {
        let count = row.unsigned(&format!("n{index}"))?;
        if count < rarest.1 {
            rarest = (index, count);
        }
    }
    Ok(rarest)
}

pub(super) fn position(sort: TrackSort, track: &Track) -> TrackPosition {
    match sort {
        TrackSort::Newest => TrackPosition::Newest { id: track.id },
        TrackSort::Popular => TrackPosition::Popular { play_count: track.play_count, id: track.id },
        TrackSort::Title => TrackPosition::Title { title: search::fold(track.title.as_str()), id: track.id },
    }
}

fn position_of_row(sort: TrackSort, row: &Row) -> Result<TrackPosition, Fault> {
    let id = row.id("id")?;
    Ok(match sort {
        TrackSort::Newest => TrackPosition::Newest { id },
        TrackSort::Popular => TrackPosition::Popular { play_count: row.unsigned("play_count")?, id },
        TrackSort::Title => TrackPosition::Title { title: row.text("title_folded")?, id },
    })
}

#[cfg(test)]
mod tests {
    use moodify_core::conformance::samples;
    use moodify_core::model::{Artist, Title, Visibility};
    use moodify_core::port::CatalogStore;

    use super::*;
    use crate::sql::SqliteConfig;

    /// 60 tracks of two artists: every second one has "even" in its title, every fifth "five".
    async fn some_tracks(store: &SqlStore) -> (Artist, Vec<Track>) {
        let artists = [samples::artist(), samples::artist()];
        let mut tracks = Vec::new();
        for artist in &artists {
            store.upsert_artist(artist).await.unwrap();
        }
        for n in 0..60u8 {
            let mut track = samples::track(&artists[usize::from(n % 3 == 0)]);
            let even = if n % 2 == 0 { "Even" } else { "Odd" };
            let five = if n % 5 == 0 { "Five" } else { "Other" };
            track.title = Title::parse(&format!("{} {even} {five}", samples::word())).unwrap();
            track.play_count = u64::from(n % 7);
            if n % 4 == 0 {
                track.visibility = Visibility::Private;
            }
            store.create_track(&track).await.unwrap();
            tracks.push(track);
        }
        let [artist, _] = artists;
        (artist, tracks)
    }

    fn expected(filter: &TrackFilter, tracks: &[Track]) -> Vec<Track> {
        let mut found: Vec<_> = tracks
            .iter()
            .filter(|track| search::matches(&filter.words, &[track.title.as_str()]))
            .filter(|track| track.visibility == Visibility::Public || filter.viewer == Some(track.artist_id))
            .cloned()
            .collect();
        match filter.sort {
            TrackSort::Newest => found.sort_by_key(|track| std::cmp::Reverse(track.id)),
            TrackSort::Popular => found.sort_by_key(|track| std::cmp::Reverse((track.play_count, track.id))),
            TrackSort::Title => found.sort_by_key(|track| (search::fold(track.title.as_str()), track.id)),
        }
        found
    }

    #[tokio::test]
    async fn however_a_search_is_done_it_finds_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("moodify.db"));
        let store = SqlStore::connect(&config.into()).await.unwrap();
        let (artist, all) = some_tracks(&store).await;
        let size = PageSize::new(4).unwrap();
        let efforts = [
            (100, 0, 0, 0),
            (0, 0, 0, 0),
            (0, 0, 0, 1),
            (0, 0, 0, 7),
            (0, 0, 0, 20),
            (0, 0, 0, 1000),
            (20, 0, 0, 7),
            (0, 12, 1000, 0),
            (0, 12, 3, 7),
            (10, 2, 10, 7),
        ]
        .map(|(looked_up, merged, picked, walked)| Effort { looked_up, merged, picked, walked });
        for sort in [TrackSort::Newest, TrackSort::Popular, TrackSort::Title] {
            for (words, viewer) in [
                (vec!["even"], None),
                (vec!["o"], None),
                (vec!["fiv", "eve"], None),
                (vec!["even", "five"], Some(artist.id)),
                (vec!["odd", "even"], Some(artist.id)),
            ] {
                let words = words.into_iter().map(str::to_owned).collect();
                let filter = TrackFilter { words, viewer, sort, ..TrackFilter::default() };
                let expected = expected(&filter, &all);
                for effort in efforts {
                    let (mut found, mut after) = (Vec::new(), None);
                    loop {
                        let rows = search(&store, &filter, size, after.as_ref(), effort).await.unwrap();
                        let items = rows.iter().map(tracks::track).collect::<Result<_, _>>().unwrap();
                        let page = Page::from_surplus(items, size, |track| position(sort, track));
                        found.extend(page.items);
                        after = page.next;
                        if after.is_none() {
                            break;
                        }
                    }
                    assert_eq!(found, expected, "{filter:?}");
                }
            }
        }
    }
}
