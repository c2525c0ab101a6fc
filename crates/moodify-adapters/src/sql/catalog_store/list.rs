//! Pages of tracks, by position: a page costs the same wherever it stands and however many tracks
//! there are.

use moodify_core::model::{ArtistId, Genre, Page, PageSize, Track, TrackFilter, TrackSort, search};
use moodify_core::port::{CatalogError, TrackPosition};

use super::{tracks, words};
use crate::sql::SqlStore;
use crate::sql::database::Statement;
use crate::sql::error::Fault;

pub(super) async fn page(
    store: &SqlStore,
    filter: &TrackFilter,
    size: PageSize,
    after: Option<&TrackPosition>,
) -> Result<Page<Track, TrackPosition>, CatalogError> {
    let rare = rarest_word(store, filter).await?;
    let rows = store.database.all(query(filter, rare, size, after)).await?;
    let tracks = rows.iter().map(tracks::track).collect::<Result<_, _>>()?;
    Ok(Page::from_surplus(tracks, size, |track| position(filter.sort, track)))
}

/// The index of the query word that the fewest tracks match, if they are few.
async fn rarest_word(store: &SqlStore, filter: &TrackFilter) -> Result<Option<usize>, Fault> {
    if filter.words.is_empty() {
        return Ok(None);
    }
    let most = words::worth_looking_up(&filter.words);
    let Some(row) = store.database.optional(words::count(&filter.words, most)).await? else {
        return Ok(None);
    };
    let mut rarest = None;
    for index in 0..filter.words.len() {
        let count: usize = row.unsigned(&format!("n{index}"))?;
        if count <= most && rarest.is_none_or(|(least, _)| count < least) {
            rarest = Some((count, index));
        }
    }
    Ok(rarest.map(|(_, index)| index))
}

fn query(
    filter: &TrackFilter,
    rare: Option<usize>,
    size: PageSize,
    after: Option<&TrackPosition>,
) -> Statement {
    let mut query = Statement::new("");
    push_part(&mut query, filter, rare, after, Part::Listed);
    // The viewer's own unlisted tracks are a second list in the same order, merged into the first.
    let own = filter.viewer.filter(|viewer| filter.artist_id.is_none_or(|artist| artist == *viewer));
    if let Some(viewer) = own {
        query.push(" UNION ALL ");
        push_part(&mut query, filter, rare, after, Part::UnlistedOf(viewer));
    }
    query.push(match filter.sort {
        TrackSort::Newest => " ORDER BY id DESC",
        TrackSort::Popular => " ORDER BY play_count DESC, id DESC",
        TrackSort::Title => " ORDER BY title_folded, id",
    });
    query.push(" LIMIT ").push_bind(size.get() + 1);
    query
}

#[derive(Clone, Copy)]
enum Part {
    Listed,
    UnlistedOf(ArtistId),
}

fn push_part(
    query: &mut Statement,
    filter: &TrackFilter,
    rare: Option<usize>,
    after: Option<&TrackPosition>,
    part: Part,
) {
    query.push("SELECT ").push(tracks::COLUMNS).push(" FROM ");
    if let Some(word) = rare.and_then(|rare| filter.words.get(rare)) {
        query.push("(SELECT DISTINCT w.track_id FROM track_words AS w WHERE ");
        words::push_prefix(query, "w.word", word);
        push_other_words(query, filter, rare, "w.track_id");
        // CROSS JOIN: SQLite begins with what stands first, and here that is the few tracks found.
        query.push(") AS found CROSS JOIN tracks AS t WHERE t.id = found.track_id");
    } else {
        query.push("tracks AS t WHERE 1 = 1");
        push_other_words(query, filter, rare, "t.id");
    }
    let artist = match part {
        Part::Listed => filter.artist_id,
        Part::UnlistedOf(viewer) => Some(viewer),
    };
    query.push(if matches!(part, Part::Listed) { " AND t.listed = 1" } else { " AND t.listed = 0" });
    if let Some(artist) = artist {
        query.push(" AND t.artist_id = ").push_bind(artist);
    }
    if let Some(genre) = filter.genre.as_ref().map(Genre::as_str) {
        // An artist has fewer tracks than a genre: the expression keeps the genre's index out of it.
        let column = if artist.is_some() { "COALESCE(t.genre_folded, '')" } else { "t.genre_folded" };
        query.push(" AND ").push(column).push(" = ").push_bind(search::fold(genre));
    }
    push_after(query, after, rare.is_none());
}

/// Adds the condition that the track with this id has all words but the one to look up.
fn push_other_words(query: &mut Statement, filter: &TrackFilter, rare: Option<usize>, id: &str) {
    for (index, word) in filter.words.iter().enumerate() {
        if rare != Some(index) {
            query.push(" AND EXISTS (SELECT 1 FROM track_words AS o WHERE o.track_id = ").push(id);
            query.push(" AND ");
            words::push_prefix(query, "o.word", word);
            query.push(")");
        }
    }
}

/// `walking` an index, the position is where to begin; otherwise it only drops rows, and the
/// expressions keep indexes out that would begin a walk for each of them.
fn push_after(query: &mut Statement, after: Option<&TrackPosition>, walking: bool) {
    match after {
        None => {}
        Some(TrackPosition::Newest { id }) => {
            query.push(" AND t.id < ").push_bind(*id);
        }
        Some(TrackPosition::Popular { play_count, id }) => {
            query.push(if walking { " AND (t.play_count, t.id)" } else { " AND (t.play_count + 0, t.id)" });
            query.push(" < (").push_bind(*play_count).push(", ").push_bind(*id).push(")");
        }
        Some(TrackPosition::Title { title, id }) => {
            query.push(if walking {
                " AND (t.title_folded, t.id)"
            } else {
                " AND (t.title_folded || '', t.id)"
            });
            query.push(" > (").push_bind(title.as_str()).push(", ").push_bind(*id).push(")");
        }
    }
}

fn position(sort: TrackSort, track: &Track) -> TrackPosition {
    match sort {
        TrackSort::Newest => TrackPosition::Newest { id: track.id },
        TrackSort::Popular => TrackPosition::Popular { play_count: track.play_count, id: track.id },
        TrackSort::Title => TrackPosition::Title { title: search::fold(track.title.as_str()), id: track.id },
    }
}

#[cfg(test)]
mod tests {
    use moodify_core::conformance::samples;

    use super::*;
    use crate::sql::SqliteConfig;

    const SORTS: [TrackSort; 3] = [TrackSort::Newest, TrackSort::Popular, TrackSort::Title];

    struct Catalog {
        store: SqlStore,
        track: Track,
        _folder: tempfile::TempDir,
    }

    async fn catalog() -> Catalog {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("moodify.db"));
        let store = SqlStore::connect(&config.into()).await.unwrap();
        Catalog { store, track: samples::track(&samples::artist()), _folder: folder }
    }

    impl Catalog {
        /// Every combination of filters, with and without a position, in every order.
        fn cases(&self, words: &[&str]) -> Vec<(TrackFilter, Option<TrackPosition>)> {
            let mut cases = Vec::new();
            for sort in SORTS {
                for bits in 0..8 {
                    let filter = TrackFilter {
                        words: words.iter().map(ToString::to_string).collect(),
                        artist_id: (bits & 1 != 0).then_some(self.track.artist_id),
                        genre: self.track.genre.clone().filter(|_| bits & 2 != 0),
                        viewer: (bits & 4 != 0).then_some(self.track.artist_id),
                        sort,
                    };
                    cases.push((filter.clone(), None));
                    cases.push((filter, Some(position(sort, &self.track))));
                }
            }
            cases
        }

        async fn plan(
            &self,
            case: &(TrackFilter, Option<TrackPosition>),
            rare: Option<usize>,
        ) -> Vec<String> {
            let query = query(&case.0, rare, PageSize::default(), case.1.as_ref()).explained();
            let rows = self.store.database.all(query).await.unwrap();
            rows.iter().map(|row| row.text("detail").unwrap()).collect()
        }
    }

    #[tokio::test]
    async fn every_list_walks_an_index_in_its_order() {
        let catalog = catalog().await;
        let cases = catalog.cases(&[]).into_iter().chain(catalog.cases(&["ab", "cd"]));
        for case in cases {
            let order = match case.0.sort {
                TrackSort::Newest => "newest",
                TrackSort::Popular => "popular",
                TrackSort::Title => "titles",
            };
            let plan = catalog.plan(&case, None).await;
            let walks: Vec<_> = plan.iter().filter(|step| step.starts_with("SEARCH t ")).collect();
            assert!(
                !walks.is_empty() && walks.iter().all(|step| step.contains(order)),
                "{case:?}: {plan:#?}"
            );
            let begins_there =
                case.1.is_none() || walks.iter().all(|step| step.contains('<') || step.contains('>'));
            assert!(begins_there, "{case:?}: {plan:#?}");
            let detour = plan.iter().find(|step| step.starts_with("SCAN") || step.contains("TEMP B-TREE"));
            assert_eq!(detour, None, "{case:?}: {plan:#?}");
        }
    }

    #[tokio::test]
    async fn a_search_for_a_rare_word_looks_up_its_tracks_alone() {
        let catalog = catalog().await;
        for case in catalog.cases(&["ab", "cd"]) {
            let plan = catalog.plan(&case, Some(1)).await;
            let mut lookups = plan.iter().filter(|step| step.starts_with("SEARCH t "));
            assert!(
                lookups.all(|step| step.contains("(id=?)") || step.contains(" id=?)")),
                "{case:?}: {plan:#?}"
            );
            let mut words = plan.iter().filter(|step| step.starts_with("SEARCH w "));
            assert!(words.any(|step| step.contains("tracks_with_word (word>? AND word<?)")), "{plan:#?}");
            assert_eq!(plan.iter().find(|step| step.starts_with("SCAN") && !step.contains("found")), None);
        }
    }
}
