-- A track's place in the texts of word_tracks, about as large as there are tracks. Not unique: two that
-- are uploaded at once, or one after another was deleted, may share it.
ALTER TABLE tracks ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE tracks SET number = numbered.number
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM tracks) AS numbered
    WHERE numbered.id = tracks.id;
CREATE INDEX tracks_by_number ON tracks (number, id);

-- The tracks with a word, or, after a space, of a genre: for each block of 32,768 numbers a text with a
-- character for each track, from U+4000 on. It is only ever appended to: who reads it tests the tracks.
CREATE TABLE word_tracks (
    word   TEXT    NOT NULL,
    block  INTEGER NOT NULL,
    tracks TEXT    NOT NULL,
    PRIMARY KEY (word, block)
) STRICT;
INSERT INTO word_tracks (word, block, tracks)
    SELECT word, number / 32768, group_concat(char(16384 + number % 32768), '')
    FROM (SELECT track_words.word AS word, tracks.number AS number
          FROM track_words JOIN tracks ON tracks.id = track_words.track_id
          UNION SELECT ' ' || genre_folded, number FROM tracks WHERE genre_folded IS NOT NULL) AS found
    GROUP BY word, number / 32768;

-- One word finds its tracks in the order of titles, too.
ALTER TABLE track_words ADD COLUMN title_folded TEXT NOT NULL DEFAULT '';
UPDATE track_words SET title_folded = (SELECT title_folded FROM tracks WHERE tracks.id = track_words.track_id);
CREATE INDEX titles_with_word ON track_words (word, title_folded, track_id, listed) WHERE listed = 1;
DROP TRIGGER track_words_follow;
CREATE TRIGGER track_words_follow AFTER UPDATE OF visibility, status, play_count, title_folded ON tracks
WHEN OLD.listed <> NEW.listed OR OLD.play_count <> NEW.play_count OR OLD.title_folded <> NEW.title_folded
BEGIN
    UPDATE track_words SET listed = NEW.listed, play_count = NEW.play_count, title_folded = NEW.title_folded
    WHERE track_id = NEW.id;
END;
