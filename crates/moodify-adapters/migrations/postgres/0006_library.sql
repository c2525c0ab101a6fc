-- What listeners do with the catalogue. A listener is known by the account's id alone.

ALTER TABLE artists ADD COLUMN follower_count BIGINT NOT NULL DEFAULT 0;

CREATE INDEX artists_popular ON artists (follower_count, id);

-- The folded words of an artist's name. Those of artists with tracks are in the index of tracks already.
CREATE TABLE artist_words (
    artist_id BYTEA            NOT NULL REFERENCES artists (id) ON DELETE CASCADE,
    word      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (artist_id, word)
);

CREATE INDEX artists_with_word ON artist_words (word, artist_id);

INSERT INTO artist_words (artist_id, word)
SELECT DISTINCT tracks.artist_id, track_words.word
FROM track_words JOIN tracks ON tracks.id = track_words.track_id WHERE track_words.of_artist = 1;

-- The feed of each listener. `last_change` is the place of its last entry. Whoever changes a library
-- changes this row first, and so holds it until the change is committed or taken back: places become
-- visible in their order, without gaps.
CREATE TABLE libraries (
    account_id  BYTEA  NOT NULL PRIMARY KEY,
    last_change BIGINT NOT NULL
);

-- One row for everything that is or was in a library. `kept_at` is null when it is gone.
CREATE TABLE library_changes (
    account_id BYTEA            NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    thing_id   BYTEA            NOT NULL,
    place      BIGINT           NOT NULL,
    kept_at    BIGINT,
    version    BIGINT,
    PRIMARY KEY (account_id, kind, thing_id)
);

CREATE UNIQUE INDEX library_changes_in_order ON library_changes (account_id, place);

INSERT INTO libraries (account_id, last_change)
SELECT owner_id, COUNT(*) FROM playlists GROUP BY owner_id;

INSERT INTO library_changes (account_id, kind, thing_id, place, kept_at, version)
SELECT owner_id, 'playlist', id, ROW_NUMBER() OVER (PARTITION BY owner_id ORDER BY id), updated_at, version
FROM playlists;

-- Likes outlive their track for a moment: they are removed in portions, and their feeds are told.
CREATE TABLE likes (
    account_id BYTEA  NOT NULL,
    track_id   BYTEA  NOT NULL,
    liked_at   BIGINT NOT NULL,
    PRIMARY KEY (account_id, track_id)
);

CREATE INDEX likes_newest ON likes (account_id, liked_at, track_id);
CREATE INDEX likes_of_track ON likes (track_id, account_id);

CREATE TABLE follows (
    account_id  BYTEA  NOT NULL,
    artist_id   BYTEA  NOT NULL REFERENCES artists (id),
    followed_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, artist_id)
);

CREATE INDEX follows_newest ON follows (account_id, followed_at, artist_id);
CREATE INDEX follows_of_artist ON follows (artist_id, account_id);

-- `taken_until` is the end of the time that a play takes up, if it counts.
CREATE TABLE plays (
    account_id  BYTEA            NOT NULL,
    play_id     TEXT COLLATE "C" NOT NULL,
    track_id    BYTEA            NOT NULL,
    started_at  BIGINT           NOT NULL,
    played_ms   BIGINT           NOT NULL,
    device_id   TEXT COLLATE "C",
    taken_until BIGINT,
    PRIMARY KEY (account_id, play_id)
);

CREATE INDEX plays_newest ON plays (account_id, started_at, play_id);
CREATE INDEX plays_counted ON plays (account_id, taken_until) WHERE taken_until IS NOT NULL;

-- Statistics. A `subject` is an artist or a track, a `day` the number of days since 1970 in UTC.
CREATE TABLE play_days (
    subject   BYTEA  NOT NULL,
    day       BIGINT NOT NULL,
    plays     BIGINT NOT NULL,
    listeners BIGINT NOT NULL,
    PRIMARY KEY (subject, day)
);

-- How many listeners heard the subject on `day`, and before that last on `day_before` (-1: never): those
-- of any days are counted by the first of these days on which they came, without knowing who they were.
CREATE TABLE audiences (
    subject    BYTEA  NOT NULL,
    day        BIGINT NOT NULL,
    day_before BIGINT NOT NULL,
    listeners  BIGINT NOT NULL,
    PRIMARY KEY (subject, day, day_before)
);

-- Who heard the subject when; only to keep the audiences.
CREATE TABLE listener_days (
    subject    BYTEA  NOT NULL,
    account_id BYTEA  NOT NULL,
    day        BIGINT NOT NULL,
    PRIMARY KEY (subject, account_id, day)
);

CREATE INDEX listener_days_of_account ON listener_days (account_id);

CREATE TABLE follow_days (
    artist_id BYTEA  NOT NULL,
    day       BIGINT NOT NULL,
    gained    BIGINT NOT NULL,
    lost      BIGINT NOT NULL,
    PRIMARY KEY (artist_id, day)
);
