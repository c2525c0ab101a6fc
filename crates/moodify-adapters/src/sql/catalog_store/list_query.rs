use moodify_core::model::{ArtistId, Genre, PageSize, TrackFilter, TrackSort, search};
use moodify_core::port::TrackPosition;

use super::{tracks, words};
use crate::sql::database::Statement;

/// The statement of a page of tracks.
#[derive(Clone, Copy)]
pub(super) struct ListQuery<'a> {
    pub(super) filter: &'a TrackFilter,
    /// Only tracks after this position.
    pub(super) after: Option<&'a TrackPosition>,
    pub(super) way: Way<'a>,
}

/// How the database finds the tracks.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    /// It walks an index in the wanted order, and stops when the page is full or, if it is given,
    /// after this position.
    Walk { until: Option<&'a TrackPosition> },
    /// It looks up the tracks with this word (counted from 0), and sorts them.
    LookUp { word: usize },
    /// It merges the first tracks with each of these words: all that this query word begins.
    Merge { word: usize, forms: &'a [String] },
    /// It looks up the tracks with these numbers, and sorts them.
    Numbered { numbers: &'a [u64] },
}

#[derive(Clone, Copy)]
enum Part {
    Listed,
    UnlistedOf(ArtistId),
}

impl ListQuery<'_> {
    /// One track more than the page has.
    pub(super) fn page(&self, size: PageSize) -> Statement {
        let mut query = Statement::new("");
        // The viewer's own unlisted tracks are a second list in the same order.
        let filter = self.filter;
        let own = filter.viewer.filter(|viewer| filter.artist_id.is_none_or(|artist| artist == *viewer));
        if let Some(viewer) = own {
            // Each has its own end: PostgreSQL would read both whole before it takes the first of both.
            query.push("SELECT * FROM (");
            self.push_part(&mut query, Part::Listed, size);
            self.push_end(&mut query, size);
            query.push(") AS listed UNION ALL SELECT * FROM (");
            self.push_part(&mut query, Part::UnlistedOf(viewer), size);
            self.push_end(&mut query, size);
            query.push(") AS own");
        } else {
            self.push_part(&mut query, Part::Listed, size);
        }
        self.push_end(&mut query, size);
        query
    }

    fn push_end(&self, query: &mut Statement, size: PageSize) {
        self.push_order(query);
        query.push(" LIMIT ").push_bind(size.get() + 1);
    }

    /// The position that a walk over this many listed tracks comes to, whatever their words; no row
    /// if there are fewer.
    pub(super) fn end_of_walk(&self, tracks: usize) -> Statement {
        let mut query = Statement::new(
            "SELECT t.id AS id, t.play_count AS play_count, t.title_folded AS title_folded
             FROM tracks AS t WHERE ",
        );
        self.push_conditions(&mut query, Part::Listed);
        self.push_order(&mut query);
        query.push(" LIMIT 1 OFFSET ").push_bind(tracks);
        query
    }

    fn push_part(&self, query: &mut Statement, part: Part, size: PageSize) {
        query.push("SELECT ").push(tracks::COLUMNS);
        // What two lists are merged by has to be in both.
        query.push(if self.filter.sort == TrackSort::Title {
            ", t.title_folded AS title_folded"
        } else {
            ""
        });
        query.push(" FROM ");
        // CROSS JOIN: SQLite begins with what stands first, and here that is what was found.
        match (self.way, part) {
            // An artist's own are few: they are walked whatever the way to those of all.
            (Way::Walk { .. }, _) | (Way::Merge { .. } | Way::Numbered { .. }, Part::UnlistedOf(_)) => {
                query.push("tracks AS t WHERE ");
                self.push_conditions(query, part);
                self.push_patterns(query, "t", None);
            }
            (Way::LookUp { word }, _) if self.filter.sort == TrackSort::Title => {
                query.push("(SELECT DISTINCT w.track_id FROM track_words AS w WHERE ");
                words::push_prefix(query, "w.word", &self.filter.words[word]);
                self.push_words(query, word, "w.track_id");
                query.push(") AS found CROSS JOIN tracks AS t WHERE t.id = found.track_id AND ");
                self.push_conditions(query, part);
            }
            (Way::LookUp { word }, _) => {
                query.push("(SELECT DISTINCT w.track_id, w.play_count FROM track_words AS w WHERE ");
                words::push_prefix(query, "w.word", &self.filter.words[word]);
                self.push_word_conditions(query, part);
                self.push_words(query, word, "w.track_id");
                self.push_found_order(query, "w", size.get() + 1);
                query.push(") AS found CROSS JOIN tracks AS t WHERE t.id = found.track_id");
            }
            (Way::Merge { word, forms }, Part::Listed) => {
                let column = self.order_column();
                query.push("(SELECT DISTINCT m.track_id, m.").push(column).push(" FROM (");
                // A track may have a word twice: in its title and in its artist's name.
                let most = 2 * (size.get() + 1);
                for (index, form) in forms.iter().enumerate() {
                    query.push(if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
                    self.push_form(query, word, form, most);
                    query.push(&format!(") AS f{index}"));
                }
                query.push(") AS m");
                self.push_found_order(query, "m", size.get() + 1);
                query.push(") AS found CROSS JOIN tracks AS t WHERE t.id = found.track_id");
            }
            (Way::Numbered { numbers }, Part::Listed) => {
                // Sorted by what decides the place alone: whole rows would be read to be dropped.
                query.push("(SELECT t.id AS id, t.play_count AS play_count, t.title_folded AS title_folded");
                query.push(" FROM (SELECT x.id FROM tracks AS x WHERE x.number IN (NULL");
                for number in numbers {
                    query.push(&format!(", {number}"));
                }
                query.push(")) AS numbered CROSS JOIN tracks AS t WHERE t.id = numbered.id AND ");
                self.push_conditions(query, part);
                self.push_patterns(query, "t", None);
                self.push_end(query, size);
                query.push(") AS found CROSS JOIN tracks AS t WHERE t.id = found.id");
            }
        }
    }

    /// The first tracks with exactly this word.
    fn push_form(&self, query: &mut Statement, word: usize, form: &str, limit: usize) {
        query.push("SELECT w.track_id, w.").push(self.order_column());
        query.push(" FROM track_words AS w WHERE w.word = ").push_bind(form);
        self.push_word_conditions(query, Part::Listed);
        if self.filter.words.len() > 1 {
            query.push(" AND EXISTS (SELECT 1 FROM tracks AS y WHERE y.id = w.track_id");
            self.push_patterns(query, "y", Some(word));
            query.push(")");
        }
        self.push_found_order(query, "w", limit);
    }

    /// Tests all words, but this one, in the text of the track.
    fn push_patterns(&self, query: &mut Statement, table: &str, but: Option<usize>) {
        for (index, word) in self.filter.words.iter().enumerate() {
            if but != Some(index) {
                query.push(" AND ").push(table).push(".words LIKE ").push_bind(words::pattern(word));
            }
        }
    }

    /// What beside its id gives an entry of the index of words its place.
    fn order_column(&self) -> &'static str {
        match self.filter.sort {
            TrackSort::Newest | TrackSort::Popular => "play_count",
            TrackSort::Title => "title_folded",
        }
    }

    fn push_found_order(&self, query: &mut Statement, table: &str, limit: usize) {
        query.push(&match self.filter.sort {
            TrackSort::Newest => format!(" ORDER BY {table}.track_id DESC"),
            TrackSort::Popular => format!(" ORDER BY {table}.play_count DESC, {table}.track_id DESC"),
            TrackSort::Title => format!(" ORDER BY {table}.title_folded, {table}.track_id"),
        });
        query.push(" LIMIT ").push_bind(limit);
    }

    /// The conditions on an entry of the index of words.
    fn push_word_conditions(&self, query: &mut Statement, part: Part) {
        // Only who merges wants the index that is in the wanted order; that of the newest has all tracks.
        let merging = matches!(self.way, Way::Merge { .. });
        query.push(match part {
            Part::Listed if merging && self.filter.sort != TrackSort::Newest => " AND w.listed = 1",
            Part::Listed => " AND w.listed + 0 = 1",
            Part::UnlistedOf(_) => " AND w.listed + 0 = 0",
        });
        match self.after {
            Some(TrackPosition::Popular { play_count, id }) => {
                let key =
                    if merging { "(w.play_count, w.track_id)" } else { "(w.play_count + 0, w.track_id)" };
                query.push(" AND ").push(key).push(" < (").push_bind(*play_count);
                query.push(", ").push_bind(*id).push(")");
            }
            Some(TrackPosition::Newest { id }) => {
                query.push(" AND w.track_id < ").push_bind(*id);
            }
            Some(TrackPosition::Title { title, id }) => {
                query.push(" AND (w.title_folded, w.track_id) > (").push_bind(title.as_str());
                query.push(", ").push_bind(*id).push(")");
            }
            None => {}
        }
        let artist = self.artist(part);
        let genre = self.filter.genre.as_ref().map(Genre::as_str);
        if artist.is_none() && genre.is_none() {
            return;
        }
        query.push(" AND EXISTS (SELECT 1 FROM tracks AS x WHERE x.id = w.track_id");
        if let Some(artist) = artist {
            query.push(" AND x.artist_id = ").push_bind(artist);
        }
        if let Some(genre) = genre {
            query.push(" AND x.genre_folded = ").push_bind(search::fold(genre));
        }
        query.push(")");
    }

    fn artist(&self, part: Part) -> Option<ArtistId> {
        match part {
            Part::Listed => self.filter.artist_id,
            Part::UnlistedOf(viewer) => Some(viewer),
        }
    }

    fn push_conditions(&self, query: &mut Statement, part: Part) {
        let artist = self.artist(part);
        query.push(if matches!(part, Part::Listed) { "t.listed = 1" } else { "t.listed = 0" });
        if let Some(artist) = artist {
            query.push(" AND t.artist_id = ").push_bind(artist);
        }
        if let Some(genre) = self.filter.genre.as_ref().map(Genre::as_str) {
            // An artist has fewer tracks than a genre: the expression keeps the genre's index out.
            let column = if artist.is_some() { "COALESCE(t.genre_folded, '')" } else { "t.genre_folded" };
            query.push(" AND ").push(column).push(" = ").push_bind(search::fold(genre));
        }
        if let Some(after) = self.after {
            self.push_bound(query, after, Side::After);
        }
        if let Way::Walk { until: Some(until) } = self.way {
            self.push_bound(query, until, Side::UpTo);
        }
    }

    /// The condition that the track with this id has all words but the one that is looked up.
    fn push_words(&self, query: &mut Statement, but: usize, id: &str) {
        for (index, word) in self.filter.words.iter().enumerate() {
            if but != index {
                query.push(" AND EXISTS (SELECT 1 FROM track_words AS o WHERE o.track_id = ").push(id);
                query.push(" AND ");
                words::push_prefix(query, "o.word", word);
                query.push(")");
            }
        }
    }

    /// Where a walk begins or ends. A look-up only drops rows there: the expression keeps an index
    /// out that would begin a walk for each of its tracks.
    fn push_bound(&self, query: &mut Statement, position: &TrackPosition, side: Side) {
        let walking = matches!(self.way, Way::Walk { .. });
        let (falling, rising) = match side {
            Side::After => (" < ", " > "),
            Side::UpTo => (" >= ", " <= "),
        };
        match position {
            TrackPosition::Newest { id } => {
                query.push(" AND t.id").push(falling).push_bind(*id);
            }
            TrackPosition::Popular { play_count, id } => {
                let key = if walking { "(t.play_count, t.id)" } else { "(t.play_count + 0, t.id)" };
                query.push(" AND ").push(key).push(falling).push("(").push_bind(*play_count);
                query.push(", ").push_bind(*id).push(")");
            }
            TrackPosition::Title { title, id } => {
                let key = if walking { "(t.title_folded, t.id)" } else { "(t.title_folded || '', t.id)" };
                query.push(" AND ").push(key).push(rising).push("(").push_bind(title.as_str());
                query.push(", ").push_bind(*id).push(")");
            }
        }
    }

    fn push_order(&self, query: &mut Statement) {
        query.push(match self.filter.sort {
            TrackSort::Newest => " ORDER BY id DESC",
            TrackSort::Popular => " ORDER BY play_count DESC, id DESC",
            TrackSort::Title => " ORDER BY title_folded, id",
        });
    }
}

#[derive(Clone, Copy)]
enum Side {
    After,
    UpTo,
}

#[cfg(test)]
mod tests {
    use moodify_core::conformance::samples;
    use moodify_core::model::Track;

    use super::super::list::position;
    use super::*;
    use crate::sql::{SqlStore, SqliteConfig};

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

        async fn plan(&self, list: ListQuery<'_>) -> Vec<String> {
            let query = list.page(PageSize::default()).explained();
            let rows = self.store.database.all(query).await.unwrap();
            rows.iter().map(|row| row.text("detail").unwrap()).collect()
        }

        async fn walks_in_order(&self, list: ListQuery<'_>) {
            let order = match list.filter.sort {
                TrackSort::Newest => "newest",
                TrackSort::Popular => "popular",
                TrackSort::Title => "titles",
            };
            let plan = self.plan(list).await;
            let walks: Vec<_> = plan.iter().filter(|step| step.starts_with("SEARCH t ")).collect();
            let why = format!("{:?} {:?}: {plan:#?}", list.filter, list.after);
            assert!(!walks.is_empty() && walks.iter().all(|step| step.contains(order)), "{why}");
            let bounds = |step: &str| step.matches(['<', '>']).count();
            let until = matches!(list.way, Way::Walk { until: Some(_) });
            let expected = usize::from(list.after.is_some()) + usize::from(until);
            assert!(walks.iter().all(|step| bounds(step) == expected), "{why}");
            // Of two lists that end with the page, each is sorted once more before they are merged.
            let lists = ["SCAN listed", "SCAN own"].map(|list| plan.iter().any(|step| step == list));
            let scans = plan.iter().filter(|step| step.starts_with("SCAN")).count();
            let sorts = plan.iter().filter(|step| step.contains("TEMP B-TREE")).count();
            let whole = if lists == [true, true] { 2 } else { 0 };
            assert!(scans == whole && sorts <= whole, "{why}");
        }
    }

    #[tokio::test]
    async fn every_list_walks_an_index_in_its_order() {
        let catalog = catalog().await;
        for (filter, after) in catalog.cases(&[]).into_iter().chain(catalog.cases(&["ab", "cd"])) {
            let position = position(filter.sort, &catalog.track);
            for until in [None, Some(&position)] {
                let list = ListQuery { filter: &filter, after: after.as_ref(), way: Way::Walk { until } };
                catalog.walks_in_order(list).await;
            }
        }
    }

    #[tokio::test]
    async fn a_merge_reads_each_word_in_the_wanted_order() {
        let catalog = catalog().await;
        let forms = ["ab".to_owned()];
        for (sort, index) in [
            (TrackSort::Newest, "COVERING INDEX tracks_with_word (word=?"),
            (TrackSort::Popular, "COVERING INDEX popular_tracks_with_word (word=?"),
            (TrackSort::Title, "COVERING INDEX titles_with_word (word=?"),
        ] {
            let filter = TrackFilter { words: forms.to_vec(), sort, ..TrackFilter::default() };
            let position = position(sort, &catalog.track);
            for after in [None, Some(&position)] {
                let list = ListQuery { filter: &filter, after, way: Way::Merge { word: 0, forms: &forms } };
                let mut query = Statement::new("");
                list.push_form(&mut query, 0, "ab", 10);
                let rows = catalog.store.database.all(query.explained()).await.unwrap();
                let plan: Vec<_> = rows.iter().map(|row| row.text("detail").unwrap()).collect();
                assert!(plan.len() == 1 && plan[0].contains(index), "{plan:#?}");
                assert_eq!(plan[0].matches(['<', '>']).count(), usize::from(after.is_some()), "{plan:#?}");
            }
        }
    }

    #[tokio::test]
    async fn tracks_with_numbers_are_looked_up_alone() {
        let catalog = catalog().await;
        for (filter, after) in catalog.cases(&["ab", "cd"]) {
            if filter.viewer.is_some() || filter.artist_id.is_some() {
                continue;
            }
            let way = Way::Numbered { numbers: &[1, 2, 3] };
            let plan = catalog.plan(ListQuery { filter: &filter, after: after.as_ref(), way }).await;
            let numbers = "SEARCH x USING COVERING INDEX tracks_by_number (number=?)";
            assert!(plan.iter().any(|step| step == numbers), "{filter:?}: {plan:#?}");
            let rows: Vec<_> = plan.iter().filter(|step| step.starts_with("SEARCH t ")).collect();
            assert!(rows.len() == 2 && rows.iter().all(|row| row.contains("id=?)")), "{filter:?}: {plan:#?}");
            let scans: Vec<_> = plan.iter().filter(|step| step.starts_with("SCAN")).collect();
            assert_eq!(scans, ["SCAN found"], "{filter:?}: {plan:#?}");
        }
    }

    #[tokio::test]
    async fn a_search_for_a_rare_word_looks_up_its_tracks_alone() {
        let catalog = catalog().await;
        for (filter, after) in catalog.cases(&["ab", "cd"]) {
            let list = ListQuery { filter: &filter, after: after.as_ref(), way: Way::LookUp { word: 1 } };
            let plan = catalog.plan(list).await;
            let mut lookups = plan.iter().filter(|step| step.starts_with("SEARCH t "));
            assert!(
                lookups.all(|step| step.contains("(id=?)") || step.contains(" id=?)")),
                "{filter:?}: {plan:#?}"
            );
            let mut words = plan.iter().filter(|step| step.starts_with("SEARCH w "));
            assert!(words.any(|step| step.contains("tracks_with_word (word>? AND word<?)")), "{plan:#?}");
            let small =
                |step: &str| ["SCAN found", "SCAN listed", "SCAN own"].iter().any(|s| step.starts_with(s));
            assert_eq!(plan.iter().find(|step| step.starts_with("SCAN") && !small(step)), None, "{plan:#?}");
        }
    }
}
