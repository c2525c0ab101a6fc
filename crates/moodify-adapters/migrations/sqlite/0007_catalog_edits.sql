-- Whether a track ever was public and ready: a release is announced once.
ALTER TABLE tracks ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
UPDATE tracks SET released = listed;

-- How often the entries of a playlist were all given new ranks: a place from before means nothing now.
ALTER TABLE playlists ADD COLUMN ranking INTEGER NOT NULL DEFAULT 0;

-- Entries are ordered by texts between any two of which there is another (moodify_core::model::Rank):
-- who is inserted or moved gets a rank, and nobody else's changes. 2147483648 is the first one.
ALTER TABLE playlist_entries ADD COLUMN rank TEXT NOT NULL DEFAULT '';
UPDATE playlist_entries SET rank = printf('%08x', 2147483648 + position);
DROP INDEX playlist_entries_in_order;
ALTER TABLE playlist_entries DROP COLUMN position;
CREATE INDEX playlist_entries_in_order ON playlist_entries (playlist_id, rank, id);

-- A track's folded words in one text, each after a space (moodify_core::model::search): whoever walks
-- the tracks in some order tests them in the index itself, without a look elsewhere.
ALTER TABLE tracks ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE tracks SET words = COALESCE(
    (SELECT ' ' || group_concat(word, ' ')
     FROM (SELECT DISTINCT word FROM track_words WHERE track_id = tracks.id)), '');
DROP INDEX tracks_newest;
DROP INDEX tracks_popular;
DROP INDEX tracks_titles;
DROP INDEX tracks_genre_newest;
DROP INDEX tracks_genre_popular;
DROP INDEX tracks_genre_titles;
CREATE INDEX tracks_newest ON tracks (listed, id, words);
CREATE INDEX tracks_popular ON tracks (listed, play_count, id, words);
CREATE INDEX tracks_titles ON tracks (listed, title_folded, id, words);
CREATE INDEX tracks_genre_newest ON tracks (genre_folded, listed, id, words);
CREATE INDEX tracks_genre_popular ON tracks (genre_folded, listed, play_count, id, words);
CREATE INDEX tracks_genre_titles ON tracks (genre_folded, listed, title_folded, id, words);

-- What decides a track's place in a search stands beside each of its words, and follows it: one word
-- finds its tracks in their order.
ALTER TABLE track_words ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE track_words ADD COLUMN play_count INTEGER NOT NULL DEFAULT 0;
UPDATE track_words SET (listed, play_count) =
    (SELECT listed, play_count FROM tracks WHERE tracks.id = track_words.track_id);
DROP INDEX tracks_with_word;
CREATE INDEX tracks_with_word ON track_words (word, track_id, listed, play_count);
CREATE INDEX popular_tracks_with_word ON track_words (word, play_count, track_id, listed) WHERE listed = 1;
CREATE TRIGGER track_words_follow AFTER UPDATE OF visibility, status, play_count ON tracks
WHEN OLD.listed <> NEW.listed OR OLD.play_count <> NEW.play_count
BEGIN
    UPDATE track_words SET listed = NEW.listed, play_count = NEW.play_count WHERE track_id = NEW.id;
END;
