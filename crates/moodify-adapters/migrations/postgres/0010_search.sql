-- As in sqlite/0010, where the comments stand.
ALTER TABLE tracks ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
UPDATE tracks SET number = numbered.number
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM tracks) AS numbered
    WHERE numbered.id = tracks.id;
CREATE INDEX tracks_by_number ON tracks (number, id);

CREATE TABLE word_tracks (
    word   TEXT COLLATE "C" NOT NULL,
    block  BIGINT           NOT NULL,
    tracks TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (word, block)
);
INSERT INTO word_tracks (word, block, tracks)
    SELECT word, number / 32768, string_agg(chr((16384 + number % 32768)::int), '')
    FROM (SELECT track_words.word AS word, tracks.number AS number
          FROM track_words JOIN tracks ON tracks.id = track_words.track_id
          UNION SELECT ' ' || genre_folded, number FROM tracks WHERE genre_folded IS NOT NULL) AS found
    GROUP BY word, number / 32768;

ALTER TABLE track_words ADD COLUMN title_folded TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE track_words SET title_folded = tracks.title_folded
    FROM tracks WHERE tracks.id = track_words.track_id;
CREATE INDEX titles_with_word ON track_words (word, title_folded, track_id, listed) WHERE listed = 1;
CREATE OR REPLACE FUNCTION track_words_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE track_words SET listed = NEW.listed, play_count = NEW.play_count, title_folded = NEW.title_folded
    WHERE track_id = NEW.id;
    RETURN NULL;
END
$$;
DROP TRIGGER track_words_follow ON tracks;
CREATE TRIGGER track_words_follow AFTER UPDATE OF visibility, status, play_count, title_folded ON tracks
FOR EACH ROW WHEN (OLD.listed <> NEW.listed OR OLD.play_count <> NEW.play_count
                   OR OLD.title_folded <> NEW.title_folded)
EXECUTE FUNCTION track_words_follow();
