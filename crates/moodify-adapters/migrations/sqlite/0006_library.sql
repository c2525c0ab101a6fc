-- What listeners do with the catalogue. A listener is known by the account's id alone.

ALTER TABLE artists ADD COLUMN follower_count INTEGER NOT NULL DEFAULT 0;

CREATE INDEX artists_popular ON artists (follower_count, id);

-- The folded words of an artist's name. Those of artists with tracks are in the index of tracks already.
CREATE TABLE artist_words (
    artist_id BLOB NOT NULL REFERENCES artists (id) ON DELETE CASCADE,
    word      TEXT NOT NULL,
    PRIMARY KEY (artist_id, word)
) STRICT, WITHOUT ROWID;

CREATE INDEX artists_with_word ON artist_words (word, artist_id);

INSERT INTO artist_words (artist_id, word)
SELECT DISTINCT tracks.artist_id, track_words.word
FROM track_words JOIN tracks ON tracks.id = track_words.track_id WHERE track_words.of_artist = 1;

-- The feed of each listener. `last_change` is the place of its last entry. Whoever changes a library
-- changes this row first, and so holds it until the change is committed or taken back: places become
-- visible in their order, without gaps.
CREATE TABLE libraries (
    account_id  BLOB    NOT NULL PRIMARY KEY,
    last_change INTEGER NOT NULL
) STRICT;

-- One row for everything that is or was in a library. `kept_at` is null when it is gone.
CREATE TABLE library_changes (
    account_id BLOB    NOT NULL,
    kind       TEXT    NOT NULL,
    thing_id   BLOB    NOT NULL,
    place      INTEGER NOT NULL,
    kept_at    INTEGER,
    version    INTEGER,
    PRIMARY KEY (account_id, kind, thing_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX library_changes_in_order ON library_changes (account_id, place);

INSERT INTO libraries (account_id, last_change)
SELECT owner_id, COUNT(*) FROM playlists GROUP BY owner_id;

INSERT INTO library_changes (account_id, kind, thing_id, place, kept_at, version)
SELECT owner_id, 'playlist', id, ROW_NUMBER() OVER (PARTITION BY owner_id ORDER BY id), updated_at, version
FROM playlists;

-- Likes outlive their track for a moment: they are removed in portions, and their feeds are told.
CREATE TABLE likes (
    account_id BLOB    NOT NULL,
    track_id   BLOB    NOT NULL,
    liked_at   INTEGER NOT NULL,
    PRIMARY KEY (account_id, track_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX likes_newest ON likes (account_id, liked_at, track_id);
CREATE INDEX likes_of_track ON likes (track_id, account_id);

CREATE TABLE follows (
    account_id  BLOB    NOT NULL,
    artist_id   BLOB    NOT NULL REFERENCES artists (id),
    followed_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, artist_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX follows_newest ON follows (account_id, followed_at, artist_id);
CREATE INDEX follows_of_artist ON follows (artist_id, account_id);

-- `taken_until` is the end of the time that a play takes up, if it counts.
CREATE TABLE plays (
    account_id  BLOB    NOT NULL,
    play_id     TEXT    NOT NULL,
    track_id    BLOB    NOT NULL,
    started_at  INTEGER NOT NULL,
    played_ms   INTEGER NOT NULL,
    device_id   TEXT,
    taken_until INTEGER,
    PRIMARY KEY (account_id, play_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX plays_newest ON plays (account_id, started_at, play_id);
CREATE INDEX plays_counted ON plays (account_id, taken_until) WHERE taken_until IS NOT NULL;

-- Statistics. A `subject` is an artist or a track, a `day` the number of days since 1970 in UTC.
CREATE TABLE play_days (
    subject   BLOB    NOT NULL,
    day       INTEGER NOT NULL,
    plays     INTEGER NOT NULL,
    listeners INTEGER NOT NULL,
    PRIMARY KEY (subject, day)
) STRICT, WITHOUT ROWID;

-- How many listeners heard the subject on `day`, and before that last on `day_before` (-1: never): those
-- of any days are counted by the first of these days on which they came, without knowing who they were.
CREATE TABLE audiences (
    subject    BLOB    NOT NULL,
    day        INTEGER NOT NULL,
    day_before INTEGER NOT NULL,
    listeners  INTEGER NOT NULL,
    PRIMARY KEY (subject, day, day_before)
) STRICT, WITHOUT ROWID;

-- Who heard the subject when; only to keep the audiences.
CREATE TABLE listener_days (
    subject    BLOB    NOT NULL,
    account_id BLOB    NOT NULL,
    day        INTEGER NOT NULL,
    PRIMARY KEY (subject, account_id, day)
) STRICT, WITHOUT ROWID;

CREATE INDEX listener_days_of_account ON listener_days (account_id);

CREATE TABLE follow_days (
    artist_id BLOB    NOT NULL,
    day       INTEGER NOT NULL,
    gained    INTEGER NOT NULL,
    lost      INTEGER NOT NULL,
    PRIMARY KEY (artist_id, day)
) STRICT, WITHOUT ROWID;
