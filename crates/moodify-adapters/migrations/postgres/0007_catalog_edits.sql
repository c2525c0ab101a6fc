-- As in sqlite/0007, where the comments stand.
ALTER TABLE tracks ADD COLUMN released BIGINT NOT NULL DEFAULT 0;
UPDATE tracks SET released = listed;

ALTER TABLE playlists ADD COLUMN ranking BIGINT NOT NULL DEFAULT 0;

ALTER TABLE playlist_entries ADD COLUMN rank TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE playlist_entries SET rank = lpad(to_hex(2147483648 + position), 8, '0');
DROP INDEX playlist_entries_in_order;
ALTER TABLE playlist_entries DROP COLUMN position;
CREATE INDEX playlist_entries_in_order ON playlist_entries (playlist_id, rank, id);

-- Not in the indexes here: one entry of an index has at most 2,704 bytes.
ALTER TABLE tracks ADD COLUMN words TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE tracks SET words = COALESCE(
    (SELECT string_agg(DISTINCT ' ' || word, '') FROM track_words WHERE track_id = tracks.id), '');

ALTER TABLE track_words ADD COLUMN listed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE track_words ADD COLUMN play_count BIGINT NOT NULL DEFAULT 0;
UPDATE track_words SET listed = tracks.listed, play_count = tracks.play_count
    FROM tracks WHERE tracks.id = track_words.track_id;
DROP INDEX tracks_with_word;
CREATE INDEX tracks_with_word ON track_words (word, track_id, listed, play_count);
CREATE INDEX popular_tracks_with_word ON track_words (word, play_count, track_id, listed) WHERE listed = 1;
CREATE FUNCTION track_words_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE track_words SET listed = NEW.listed, play_count = NEW.play_count WHERE track_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER track_words_follow AFTER UPDATE OF visibility, status, play_count ON tracks
FOR EACH ROW WHEN (OLD.listed <> NEW.listed OR OLD.play_count <> NEW.play_count)
EXECUTE FUNCTION track_words_follow();
