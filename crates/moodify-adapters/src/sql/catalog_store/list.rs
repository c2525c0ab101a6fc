//! Pages of tracks, by position: a page costs the same wherever it stands and however many tracks
//! there are.

use moodify_core::model::{Page, PageSize, Track, TrackFilter, TrackSort, search};
use moodify_core::port::{CatalogError, TrackPosition};

use super::list_query::{ListQuery, Way};
use super::postings::{self, Candidates};
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
        search(store, filter, size, after, Effort::of(filter)).await?
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
    /// So many tracks are looked at in the wanted order.
    walked: usize,
}

impl Effort {
    // Of 500 tracks with one word a walk over 4,000 of 100,000 meets a page; how often several words
    // meet, nobody knows.
    fn of(filter: &TrackFilter) -> Self {
        Self { looked_up: 500, merged: 24, walked: if filter.words.len() == 1 { 4_000 } else { 10_000 } }
    }
}

/// Few matches are looked up and sorted. The tracks with one word stand in every order, so of many
/// matches for a few words the first ones are merged. Else the tracks are walked in the wanted order:
/// many matches are met often. If that does not fill a page, the long list has to be looked up after all.
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
    // An artist has so few tracks that they are walked.
    if filter.artist_id.is_none()
        && let Some(rows) = compare(store, filter, size, after, effort).await?
    {
        return Ok(rows);
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

/// The page of a query with a word that begins few others. How many tracks have all of its words and
/// the genre says whether they are looked up, or met soon enough among those with the rarest word.
async fn compare(
    store: &SqlStore,
    filter: &TrackFilter,
    size: PageSize,
    after: Option<&TrackPosition>,
    effort: Effort,
) -> Result<Option<Vec<Row>>, Fault> {
    let (word, forms) = match (&filter.words[..], &filter.genre) {
        ([word], None) => {
            let rows = store.database.all(words::forms(word, effort.merged + 1)).await?;
            (0, rows.iter().map(|row| row.text("word")).collect::<Result<Vec<_>, _>>()?)
        }
        _ => {
            let Some(Candidates { numbers, rarest }) = postings::candidates(store, filter).await? else {
                return Ok(None);
            };
            // To fill a page, a merge reads this often as many entries as all of them over those found.
            if numbers.len().saturating_pow(2) <= (size.get() + 1) * rarest.tracks {
                let list = ListQuery { filter, after, way: Way::Numbered { numbers: &numbers } };
                return store.database.all(list.page(size).one_off()).await.map(Some);
            }
            (rarest.word, rarest.forms)
        }
    };
    if forms.len() > effort.merged {
        return Ok(None);
    }
    let merge = ListQuery { filter, after, way: Way::Merge { word, forms: &forms } };
    store.database.all(merge.page(size)).await.map(Some)
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
    use moodify_core::model::{Artist, Genre, Title, TrackChange, Visibility};
    use moodify_core::port::CatalogStore;

    use super::*;
    use crate::sql::SqliteConfig;
    use crate::sql::database::Statement;

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
            track.genre = Genre::parse(if n % 3 == 0 { "Jazz" } else { "Folk" }).ok();
            if n % 4 == 0 {
                track.visibility = Visibility::Private;
            }
            store.create_track(&track).await.unwrap();
            // What decides its place changes later, whoever writes it.
            if n % 9 == 0 {
                track.play_count = 100 + u64::from(n);
                let update = Statement::new("UPDATE tracks SET play_count = $1 WHERE id = $2");
                store.database.run(update.bind(track.play_count).bind(track.id)).await.unwrap();
            }
            if n % 8 < 3 {
                let visibility = Some(if n % 8 == 0 { Visibility::Public } else { Visibility::Unlisted });
                let change = TrackChange { visibility, ..TrackChange::default() };
                track = store.update_track(track.id, None, &change, &[], &[]).await.unwrap();
            }
            tracks.push(track);
        }
        let [artist, _] = artists;
        (artist, tracks)
    }

    fn fold(genre: &Genre) -> String {
        search::fold(genre.as_str())
    }

    fn expected(filter: &TrackFilter, tracks: &[Track]) -> Vec<Track> {
        let mut found: Vec<_> = tracks
            .iter()
            .filter(|track| search::matches(&filter.words, &[track.title.as_str()]))
            .filter(|track| track.visibility == Visibility::Public || filter.viewer == Some(track.artist_id))
            .filter(|track| {
                filter.genre.is_none() || filter.genre.as_ref().map(fold) == track.genre.as_ref().map(fold)
            })
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
            (100, 0, 0),
            (0, 0, 0),
            (0, 0, 1),
            (0, 0, 7),
            (0, 0, 20),
            (0, 0, 1000),
            (20, 0, 7),
            (0, 24, 0),
            (10, 1, 7),
        ]
        .map(|(looked_up, merged, walked)| Effort { looked_up, merged, walked });
        for sort in [TrackSort::Newest, TrackSort::Popular, TrackSort::Title] {
            for (words, viewer, genre) in [
                (vec!["even"], None, None),
                (vec!["even"], None, Some("folk")),
                (vec!["o"], None, None),
                (vec!["o"], Some(artist.id), Some("jazz")),
                (vec!["fiv", "eve"], None, None),
                (vec!["even", "other"], None, None),
                (vec!["even", "five"], Some(artist.id), None),
                (vec!["five", "even"], Some(artist.id), Some("jazz")),
                (vec!["odd", "even"], Some(artist.id), None),
            ] {
                let words = words.into_iter().map(str::to_owned).collect();
                let genre = genre.and_then(|genre| Genre::parse(genre).ok());
                let filter = TrackFilter { words, viewer, genre, sort, ..TrackFilter::default() };
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
