//! Which tracks have a word or a genre, packed, so that thousands are compared in microseconds: a text
//! for each block of track numbers, with a character for each track.
//!
//! A text is only ever appended to until no track has its word, and numbers may be given twice: it may
//! name too many tracks, never too few. Who reads it tests the tracks themselves.

use std::collections::{BTreeMap, BTreeSet};

use moodify_core::model::{Genre, TrackFilter, search};

use super::words;
use crate::sql::SqlStore;
use crate::sql::database::{Row, Statement, Transaction};
use crate::sql::error::Fault;

/// How many numbers one text is for. The migration that made the first ones knows it too.
const BLOCK: u32 = 1 << 15;

/// Stands for the first number of a block. From here on come as many characters of equal length.
const FIRST: u32 = 0x4000;

/// How many texts of one query word are read; one that begins so many words says little.
const MOST_TEXTS: usize = 100;

/// The key of a genre. Folded words have no space in them.
pub(super) fn genre_key(genre: &Genre) -> String {
    format!(" {}", search::fold(genre.as_str()))
}

/// Notes that the track with this number has these words or genres, whether it is noted already or not.
pub(super) async fn add(
    transaction: &mut Transaction,
    number: u64,
    keys: impl IntoIterator<Item = String>,
) -> Result<(), Fault> {
    let (block, character) = place(number)?;
    // In one order, for each locks a row that every track of the block may have.
    let keys: BTreeSet<String> = keys.into_iter().collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut insert = Statement::new("INSERT INTO word_tracks (word, block, tracks) VALUES ").one_off();
    insert.push_list(keys, |list, key| {
        list.push("(").push_bind(key).push(", ").push_bind(block).push(", ");
        list.push_bind(character.to_string()).push(")");
    });
    insert.push(
        " ON CONFLICT (word, block) DO UPDATE SET tracks = word_tracks.tracks || excluded.tracks
         WHERE replace(word_tracks.tracks, excluded.tracks, '') = word_tracks.tracks",
    );
    transaction.run(insert).await?;
    Ok(())
}

/// Forgets those of these words that no track has any more: one may be somebody's name.
pub(super) async fn prune(transaction: &mut Transaction, words: BTreeSet<String>) -> Result<(), Fault> {
    if words.is_empty() {
        return Ok(());
    }
    let unused = |start: &'static str| {
        let mut statement = Statement::new(start).one_off();
        statement.push(" FROM word_tracks WHERE word IN (");
        statement.push_list(&words, |list, word| {
            list.push_bind(word.as_str());
        });
        statement.push(") AND NOT EXISTS (SELECT 1 FROM track_words AS w WHERE w.word = word_tracks.word)");
        statement
    };
    let mut hold = unused("SELECT 1");
    hold.push(" ORDER BY word, block FOR UPDATE");
    // Who adds a word to a track holds its text to the end: the second look sees that track.
    transaction.lock(hold).await?;
    transaction.run(unused("DELETE")).await?;
    Ok(())
}

fn place(number: u64) -> Result<(u64, char), Fault> {
    let within = u32::try_from(number % u64::from(BLOCK)).ok();
    let character = within.and_then(|within| char::from_u32(FIRST + within));
    Ok((number / u64::from(BLOCK), character.ok_or_else(|| Fault::stored("number"))?))
}

/// The tracks that a search may find.
pub(super) struct Candidates {
    pub(super) numbers: Vec<u64>,
    pub(super) rarest: Rarest,
}

/// The query word that the fewest tracks have.
pub(super) struct Rarest {
    /// Its index in the query.
    pub(super) word: usize,
    /// How many tracks have it.
    pub(super) tracks: usize,
    /// The words that it begins.
    pub(super) forms: Vec<String>,
}

/// The tracks with every word and the genre of a filter, or some more; `None` if every query word begins
/// too many words.
pub(super) async fn candidates(store: &SqlStore, filter: &TrackFilter) -> Result<Option<Candidates>, Fault> {
    let mut terms: Vec<Term> = (0..=filter.words.len()).map(|_| Term::default()).collect();
    for row in store.database.all(texts(filter)).await? {
        let index: usize = row.unsigned("term")?;
        terms.get_mut(index).ok_or_else(|| Fault::stored("term"))?.read(&row)?;
    }
    let genre = terms.pop().filter(|_| filter.genre.is_some());
    let known = |term: &&Term| term.texts < MOST_TEXTS;
    let words = terms.iter().enumerate().filter(|(_, term)| known(term));
    let Some((word, rarest)) = words.min_by_key(|(_, term)| term.len()) else { return Ok(None) };
    let others = terms.iter().chain(&genre).filter(known).filter(|other| !std::ptr::eq(*other, rarest));
    let numbers = rarest.shared_with(&others.collect::<Vec<_>>());
    let rarest = Rarest { word, tracks: rarest.len(), forms: rarest.forms.iter().cloned().collect() };
    Ok(Some(Candidates { numbers, rarest }))
}

/// The texts of each query word, then of the genre, with the index of the term.
fn texts(filter: &TrackFilter) -> Statement {
    let mut query = Statement::new("");
    for (index, word) in filter.words.iter().enumerate() {
        push_texts(&mut query, index);
        words::push_prefix(&mut query, "word", word);
        query.push(&format!(" LIMIT {MOST_TEXTS}) AS t{index}"));
    }
    if let Some(genre) = &filter.genre {
        push_texts(&mut query, filter.words.len());
        query.push("word = ").push_bind(genre_key(genre)).push(") AS genre");
    }
    query
}

fn push_texts(query: &mut Statement, index: usize) {
    query.push(if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
    query.push(&format!("SELECT {index} AS term, word, block, tracks FROM word_tracks WHERE "));
}

/// The tracks with one word of a query, or its genre.
#[derive(Default)]
struct Term {
    texts: usize,
    forms: BTreeSet<String>,
    blocks: BTreeMap<u64, Bits>,
}

impl Term {
    fn read(&mut self, row: &Row) -> Result<(), Fault> {
        self.texts += 1;
        self.forms.insert(row.text("word")?);
        let bits = self.blocks.entry(row.unsigned("block")?).or_default();
        for character in row.text("tracks")?.chars() {
            bits.set(u32::from(character).checked_sub(FIRST).ok_or_else(|| Fault::stored("tracks"))?);
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.blocks.values().map(Bits::len).sum()
    }

    /// The numbers that all of these have too.
    fn shared_with(&self, others: &[&Term]) -> Vec<u64> {
        let mut numbers = Vec::new();
        for (block, bits) in &self.blocks {
            let Some(others) = others.iter().map(|other| other.blocks.get(block)).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            let first = block * u64::from(BLOCK);
            numbers.extend(bits.shared_with(&others).map(|within| first + within));
        }
        numbers
    }
}

/// A bit for each number of a block.
struct Bits(Box<[u64; (BLOCK / u64::BITS) as usize]>);

impl Default for Bits {
    fn default() -> Self {
        Self(Box::new([0; (BLOCK / u64::BITS) as usize]))
    }
}

impl Bits {
    fn set(&mut self, bit: u32) {
        if let Some(part) = self.0.get_mut((bit / u64::BITS) as usize) {
            *part |= 1 << (bit % u64::BITS);
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(|part| part.count_ones() as usize).sum()
    }

    fn shared_with<'a>(&'a self, others: &'a [&Bits]) -> impl Iterator<Item = u64> + 'a {
        self.0.iter().enumerate().flat_map(move |(index, part)| {
            let mut left = others.iter().fold(*part, |shared, other| shared & other.0[index]);
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                (bit < u64::BITS).then_some(index as u64 * u64::from(u64::BITS) + u64::from(bit))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(numbers: &[u64]) -> Term {
        let mut term = Term::default();
        for number in numbers {
            let (block, character) = place(*number).unwrap();
            term.blocks.entry(block).or_default().set(u32::from(character) - FIRST);
        }
        term
    }

    #[test]
    fn shared_numbers_are_found_in_every_block() {
        let edges = [0, 1, 63, 64, 32_767, 32_768, 40_000, 1 << 40];
        let one = term(&edges);
        assert_eq!(one.len(), edges.len());
        assert_eq!(one.shared_with(&[]), edges);
        let other = term(&[1, 64, 65, 32_768, 40_001, 1 << 40]);
        assert_eq!(one.shared_with(&[&other]), [1, 64, 32_768, 1 << 40]);
        assert_eq!(one.shared_with(&[&other, &term(&[64])]), [64]);
        assert_eq!(one.shared_with(&[&Term::default()]), [] as [u64; 0]);
    }
}
