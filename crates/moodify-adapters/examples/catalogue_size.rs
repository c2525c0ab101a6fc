//! What a list or search costs in a catalogue of 1,000 tracks and in one of 100,000.
//!
//! `cargo run --release -p moodify-adapters --example catalogue_size -- [folder]`. The databases are
//! made in `folder` (default: the one for temporary files) and removed again; one in memory, such as
//! /dev/shm, makes them faster. Numbers are CPU time of the whole process, in milliseconds a call, so
//! that other programs do not show.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops where it cannot go on"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use moodify_adapters::sql::{SqlStore, SqliteConfig};
use moodify_core::conformance::samples;
use moodify_core::memory::SeededRng;
use moodify_core::model::search::query_words;
use moodify_core::model::{Artist, ArtistName, Genre, PageSize, Title, Track, TrackFilter, TrackSort};
use moodify_core::port::{CatalogStore, Rng, TrackPosition};

const SIZES: [usize; 2] = [1_000, 100_000];
const CALLS: u32 = 100;
const GENRES: [&str; 8] = ["Rock", "Pop", "Jazz", "Folk", "Metal", "House", "Ambient", "Soul"];

struct Dice(SeededRng);

impl Dice {
    fn below(&self, sides: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_be_bytes(bytes) >> 1).unwrap() % sides
    }

    /// Small numbers far more often than large ones.
    fn skewed(&self, sides: usize) -> usize {
        self.below(self.below(sides) + 1)
    }

    /// One of some 5,000 words of two to four syllables.
    fn word(&self) -> String {
        const SYLLABLES: [&str; 24] = [
            "ba", "ko", "ri", "ta", "lu", "ne", "mo", "sa", "vi", "du", "fe", "gi", "ho", "ja", "ka", "le",
            "mi", "no", "pu", "ro", "se", "ti", "wu", "xa",
        ];
        let number = self.skewed(5_000) * 2_654_435_761;
        let syllable = |n: usize| SYLLABLES[(number >> (5 * n)) % SYLLABLES.len()];
        (0..2 + number % 3).map(syllable).collect()
    }
}

async fn fill(store: &SqlStore, count: usize) -> Artist {
    let dice = Dice(SeededRng::new(7));
    let mut artists = Vec::new();
    for _ in 0..count / 20 {
        let name = ArtistName::parse(&format!("{} {}", dice.word(), dice.word())).unwrap();
        let artist = Artist { name, ..samples::artist() };
        store.upsert_artist(&artist).await.unwrap();
        artists.push(artist);
    }
    for n in 0..count {
        let artist = &artists[if n < 20 { 0 } else { dice.below(artists.len()) }];
        let mut title = format!("{} {} {}", dice.word(), dice.word(), dice.word());
        for (word, is_in) in [
            ("percent", dice.below(100) == 0),
            (["alpha", "omega", "third"][dice.below(3)], true),
            ("rareword", n % (count / 7) == 0),
        ] {
            title.push_str(if is_in { " " } else { "" });
            title.push_str(if is_in { word } else { "" });
        }
        let track = Track {
            title: Title::parse(&title).unwrap(),
            genre: Some(Genre::parse(GENRES[dice.below(GENRES.len())]).unwrap()),
            play_count: dice.skewed(dice.skewed(1_000_000) + 1) as u64,
            ..samples::track(artist)
        };
        store.create_track(&track).await.unwrap();
    }
    artists.swap_remove(0)
}

/// CPU time that all threads of this process have used.
fn cpu_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanos = tasks.map(|task| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
        stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    });
    Duration::from_nanos(nanos.sum())
}

struct Question {
    name: &'static str,
    filter: TrackFilter,
    /// How many pages come first.
    skipped: usize,
}

fn questions(artist: &Artist) -> Vec<Question> {
    let ask = |name, q: &str, sort| {
        let filter = TrackFilter { words: query_words(q), sort, ..TrackFilter::default() };
        Question { name, filter, skipped: 0 }
    };
    let (newest, popular, title) = (TrackSort::Newest, TrackSort::Popular, TrackSort::Title);
    let mut questions = vec![
        ask("newest", "", newest),
        ask("popular", "", popular),
        ask("by title", "", title),
        ask("genre", "", popular),
        ask("artist", "", newest),
        ask("page 40 of newest", "", newest),
        ask("page 40 of popular", "", popular),
        ask("rare word", "rareword", popular),
        ask("word on 1 %", "percent", popular),
        ask("word on 1 %, newest", "percent", newest),
        ask("word on 1 %, by title", "percent", title),
        ask("word on 33 %", "alpha", popular),
        ask("one letter", "k", popular),
        ask("two letters", "ko", popular),
        ask("four letters", "kori", popular),
        ask("two words that meet", "alpha ko", popular),
        ask("two words, 0.3 %", "percent alpha", popular),
        ask("two words that never meet", "alpha omega", popular),
        ask("word on 1 % in a genre", "percent", popular),
        ask("word on 33 %, page 10", "alpha", popular),
    ];
    for question in &mut questions {
        match question.name {
            "genre" | "word on 1 % in a genre" => question.filter.genre = Genre::parse("jazz").ok(),
            "artist" => question.filter.artist_id = Some(artist.id),
            name if name.contains("page 40") => question.skipped = 39,
            name if name.contains("page 10") => question.skipped = 9,
            _ => {}
        }
    }
    questions
}

async fn cost(store: &SqlStore, question: &Question) -> (f64, usize) {
    let size = PageSize::default();
    let mut after: Option<TrackPosition> = None;
    for _ in 0..question.skipped {
        let page = store.list_tracks(&question.filter, size, after.as_ref()).await.unwrap();
        after = page.next.or(after);
    }
    let (mut found, mut before) = (0, cpu_time());
    for call in 0..CALLS + CALLS / 10 {
        if call == CALLS / 10 {
            before = cpu_time();
        }
        found = store.list_tracks(&question.filter, size, after.as_ref()).await.unwrap().items.len();
    }
    ((cpu_time() - before).as_secs_f64() * 1e3 / f64::from(CALLS), found)
}

#[tokio::main]
async fn main() {
    let base = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let mut columns = Vec::new();
    for size in SIZES {
        let folder = tempfile::tempdir_in(&base).unwrap();
        let config = SqliteConfig::new(folder.path().join("moodify.db"));
        let store = Arc::new(SqlStore::connect(&config.into()).await.unwrap());
        let artist = fill(&store, size).await;
        let bytes = std::fs::metadata(folder.path().join("moodify.db")).unwrap().len();
        println!("{size} tracks: {:.1} MB", bytes as f64 / 1e6);
        let mut column = Vec::new();
        for question in questions(&artist) {
            column.push((question.name, cost(&store, &question).await));
        }
        columns.push(column);
        store.close().await;
    }
    println!("| CPU, ms | 1,000 tracks | 100,000 tracks | times |\n|---|---|---|---|");
    for ((name, (small, few)), (_, (large, many))) in columns[0].iter().zip(&columns[1]) {
        println!("| {name} | {small:.3} ({few}) | {large:.3} ({many}) | {:.1} |", large / small);
    }
}
