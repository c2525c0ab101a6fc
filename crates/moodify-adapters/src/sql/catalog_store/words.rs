//! The index of folded words that searches run on.

use moodify_core::model::{Artist, Track, search};

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

/// Makes a new track findable.
pub(super) async fn add_track(
    transaction: &mut Transaction,
    track: &Track,
    artist_name: &str,
) -> Result<(), Fault> {
    let of_title = search::words(track.title.as_str()).into_iter().map(|word| (word, false));
    let of_artist = search::words(artist_name).into_iter().map(|word| (word, true));
    let words: Vec<_> = of_title.chain(of_artist).collect();
    if words.is_empty() {
        return Ok(());
    }
    let mut insert = Statement::new("INSERT INTO track_words (track_id, word, of_artist) VALUES ").one_off();
    insert.push_list(words, |list, (word, of_artist)| {
        list.push("(").push_bind(track.id).push(", ").push_bind(word);
        list.push(", ").push_bind(of_artist).push(")");
    });
    transaction.run(insert).await?;
    Ok(())
}

/// Makes an artist, with all tracks, findable by the new name, and no longer by the old one.
pub(super) async fn rename_artist(transaction: &mut Transaction, artist: &Artist) -> Result<(), Fault> {
    // Before their words: who deletes a track holds them in this order.
    let tracks = Statement::new("SELECT 1 FROM tracks WHERE artist_id = $1 ORDER BY id FOR KEY SHARE");
    transaction.lock(tracks.bind(artist.id)).await?;
    let delete = Statement::new(
        "DELETE FROM track_words
         WHERE of_artist = 1 AND track_id IN (SELECT id FROM tracks WHERE artist_id = $1)",
    );
    transaction.run(delete.bind(artist.id)).await?;
    let delete = Statement::new("DELETE FROM artist_words WHERE artist_id = $1");
    transaction.run(delete.bind(artist.id)).await?;
    let words = search::words(artist.name.as_str());
    if words.is_empty() {
        return Ok(());
    }
    let mut insert = Statement::new("INSERT INTO artist_words (artist_id, word) VALUES ").one_off();
    insert.push_list(&words, |list, word| {
        list.push("(").push_bind(artist.id).push(", ").push_bind(word.as_str()).push(")");
    });
    transaction.run(insert).await?;
    let mut insert = Statement::new(
        "INSERT INTO track_words (track_id, word, of_artist) SELECT tracks.id, words.word, 1 FROM ",
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
