//! The index of folded words that searches run on.

use std::collections::BTreeSet;

use moodify_core::model::{Artist, Track, TrackChange, TrackId, TrackStatus, Visibility, search};

use super::postings;
use crate::sql::database::{Statement, Transaction};
use crate::sql::error::Fault;

/// Above every character that a folded word can hold: it is no letter and never will be one.
const AFTER_ALL: char = '\u{10FFFF}';

/// Adds `column >= prefix AND column < end of prefix`.
pub(in crate::sql) fn push_prefix(statement: &mut Statement, column: &str, prefix: &str) {
    statement.push(column).push(" >= ").push_bind(prefix).push(" AND ");
    statement.push(column).push(" < ").push_bind(format!("{prefix}{AFTER_ALL}"));
}

/// Counts, for each prefix, the entries of the index that it matches: no further than one above `most`.
/// The columns of its only row are called `n0`, `n1`, …
pub(super) fn count(prefixes: &[String], most: usize) -> Statement {
    let mut query = Statement::new("SELECT ");
    query.push_list(prefixes.iter().enumerate(), |list, (index, prefix)| {
        list.push("(SELECT COUNT(*) FROM (SELECT 1 FROM track_words WHERE ");
        push_prefix(list, "word", prefix);
        list.push(" LIMIT ").push_bind(most + 1).push(&format!(") AS found) AS n{index}"));
    });
    query
}

/// At most this many words of the index that begin with a prefix, one a row, in the column `word`.
pub(super) fn forms(prefix: &str, most: usize) -> Statement {
    let mut query =
        Statement::new("WITH RECURSIVE forms (word, number) AS (SELECT MIN(word), 1 FROM track_words WHERE ");
    push_prefix(&mut query, "word", prefix);
    // Each is a step to the next one in the index, over all the tracks that have the word.
    query.push(" UNION ALL SELECT (SELECT MIN(word) FROM track_words WHERE word > forms.word AND ");
    push_prefix(&mut query, "word", prefix);
    query.push("), number + 1 FROM forms WHERE word IS NOT NULL AND number < ").push_bind(most);
    query.push(") SELECT word FROM forms WHERE word IS NOT NULL");
    query
}

/// All words that a track is found by.
pub(super) fn of_track(track: &Track) -> BTreeSet<String> {
    let of_title = search::words(track.title.as_str());
    of_title.into_iter().chain(search::words(track.artist_name.as_str())).collect()
}

/// All words of a track in one text, each after a space; see [`pattern`].
pub(super) fn text(title: &str, artist_name: &str) -> String {
    let words = search::words(title).into_iter().chain(search::words(artist_name));
    words.map(|word| format!(" {word}")).collect()
}

/// What `LIKE` finds in the [`text`] of a track with a word that begins so. Folded words are letters
/// and digits: nothing in them means anything to `LIKE`.
pub(super) fn pattern(prefix: &str) -> String {
    format!("% {prefix}%")
}

/// Makes a new track findable, but for its [`text`].
pub(super) async fn add_track(
    transaction: &mut Transaction,
    track: &Track,
    number: u64,
    artist_name: &str,
) -> Result<(), Fault> {
    let of_title = search::words(track.title.as_str()).into_iter().map(|word| (word, false));
    let of_artist = search::words(artist_name).into_iter().map(|word| (word, true));
    let words: Vec<_> = of_title.chain(of_artist).collect();
    let keys =
        words.iter().map(|(word, _)| word.clone()).chain(track.genre.as_ref().map(postings::genre_key));
    let keys = keys.collect::<Vec<_>>();
    insert(transaction, track, words).await?;
    postings::add(transaction, number, keys).await
}

/// Makes a changed track findable by its new title and genre, and no longer by the old ones.
pub(super) async fn change_track(
    transaction: &mut Transaction,
    track: &Track,
    number: u64,
    change: &TrackChange,
) -> Result<(), Fault> {
    let mut keys = Vec::new();
    if change.title.is_some() {
        retitle_track(transaction, track).await?;
        keys = search::words(track.title.as_str());
    }
    if change.genre.is_some() {
        keys.extend(track.genre.as_ref().map(postings::genre_key));
    }
    postings::add(transaction, number, keys).await
}

async fn retitle_track(transaction: &mut Transaction, track: &Track) -> Result<(), Fault> {
    let (title, artist_name) = (track.title.as_str(), track.artist_name.as_str());
    transaction.run(set_text(track.id, title, artist_name)).await?;
    let delete = Statement::new("DELETE FROM track_words WHERE track_id = $1 AND of_artist = 0");
    transaction.run(delete.bind(track.id)).await?;
    let words = search::words(title);
    insert(transaction, track, words.into_iter().map(|word| (word, false)).collect()).await
}

fn set_text(id: TrackId, title: &str, artist_name: &str) -> Statement {
    let update = Statement::new("UPDATE tracks SET words = $1 WHERE id = $2");
    update.bind(text(title, artist_name)).bind(id)
}

async fn insert(
    transaction: &mut Transaction,
    track: &Track,
    words: Vec<(String, bool)>,
) -> Result<(), Fault> {
    if words.is_empty() {
        return Ok(());
    }
    let listed = track.visibility == Visibility::Public && track.status == TrackStatus::Ready;
    let mut insert = Statement::new(
        "INSERT INTO track_words (track_id, word, of_artist, listed, play_count, title_folded) VALUES ",
    )
    .one_off();
    let title = search::fold(track.title.as_str());
    insert.push_list(words, |list, (word, of_artist)| {
        list.push("(").push_bind(track.id).push(", ").push_bind(word).push(", ").push_bind(of_artist);
        list.push(", ").push_bind(listed).push(", ").push_bind(track.play_count);
        list.push(", ").push_bind(title.as_str()).push(")");
    });
    transaction.run(insert).await?;
    Ok(())
}

/// Makes an artist, with all tracks, findable by the new name, and no longer by the old one.
pub(super) async fn rename_artist(transaction: &mut Transaction, artist: &Artist) -> Result<(), Fault> {
    // Before their words, for they decide who may touch these: who deletes a track holds them in this
    // order, and nobody counts a play while it is copied.
    let tracks = Statement::new("SELECT 1 FROM tracks WHERE artist_id = $1 ORDER BY id FOR NO KEY UPDATE");
    transaction.lock(tracks.bind(artist.id)).await?;
    // By number: the texts that are appended to are locked in one order, block after block.
    let query = Statement::new("SELECT id, title, number FROM tracks WHERE artist_id = $1 ORDER BY number");
    let words = search::words(artist.name.as_str());
    for track in transaction.all(query.bind(artist.id)).await? {
        let text = set_text(track.id("id")?, &track.text("title")?, artist.name.as_str());
        transaction.run(text).await?;
        postings::add(transaction, track.unsigned("number")?, words.iter().cloned()).await?;
    }
    let delete = Statement::new(
        "DELETE FROM track_words
         WHERE of_artist = 1 AND track_id IN (SELECT id FROM tracks WHERE artist_id = $1)",
    );
    transaction.run(delete.bind(artist.id)).await?;
    let delete = Statement::new("DELETE FROM artist_words WHERE artist_id = $1");
    transaction.run(delete.bind(artist.id)).await?;
    if words.is_empty() {
        return Ok(());
    }
    let mut insert = Statement::new("INSERT INTO artist_words (artist_id, word) VALUES ").one_off();
    insert.push_list(&words, |list, word| {
        list.push("(").push_bind(artist.id).push(", ").push_bind(word.as_str()).push(")");
    });
    transaction.run(insert).await?;
    let mut insert = Statement::new(
        "INSERT INTO track_words (track_id, word, of_artist, listed, play_count, title_folded)
         SELECT tracks.id, words.word, 1, tracks.listed, tracks.play_count, tracks.title_folded FROM ",
    )
    .one_off();
    insert.push("(SELECT ").push_bind(words[0].as_str()).push(" AS word");
    for word in &words[1..] {
        insert.push(" UNION ALL SELECT ").push_bind(word.as_str());
    }
    insert.push(") AS words CROSS JOIN tracks WHERE tracks.artist_id = ").push_bind(artist.id);
    transaction.run(insert).await?;
    Ok(())
}
