CREATE TABLE artists (
    id         BLOB    NOT NULL PRIMARY KEY,
    account_id BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tracks (
    id           BLOB    NOT NULL PRIMARY KEY,
    artist_id    BLOB    NOT NULL REFERENCES artists (id),
    title        TEXT    NOT NULL,
    title_folded TEXT    NOT NULL,
    genre        TEXT,
    genre_folded TEXT,
    duration_ms  INTEGER NOT NULL,
    size_bytes   INTEGER NOT NULL,
    visibility   TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    audio        BLOB    NOT NULL,
    cover        BLOB,
    play_count   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    listed       INTEGER NOT NULL
        GENERATED ALWAYS AS (CASE WHEN visibility = 'public' AND status = 'ready' THEN 1 ELSE 0 END) STORED
) STRICT;

-- One index per order, for all tracks, for a genre and for an artist: a page costs the same in a
-- catalogue of any size.
CREATE INDEX tracks_newest ON tracks (listed, id);
CREATE INDEX tracks_popular ON tracks (listed, play_count, id);
CREATE INDEX tracks_titles ON tracks (listed, title_folded, id);
CREATE INDEX tracks_genre_newest ON tracks (genre_folded, listed, id);
CREATE INDEX tracks_genre_popular ON tracks (genre_folded, listed, play_count, id);
CREATE INDEX tracks_genre_titles ON tracks (genre_folded, listed, title_folded, id);
CREATE INDEX tracks_artist_newest ON tracks (artist_id, listed, id);
CREATE INDEX tracks_artist_popular ON tracks (artist_id, listed, play_count, id);
CREATE INDEX tracks_artist_titles ON tracks (artist_id, listed, title_folded, id);
CREATE INDEX tracks_processing ON tracks (created_at, id) WHERE status = 'processing';

-- The folded words a search finds a track by: of its title and of its artist's name.
CREATE TABLE track_words (
    track_id  BLOB    NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
    word      TEXT    NOT NULL,
    of_artist INTEGER NOT NULL,
    PRIMARY KEY (track_id, word, of_artist)
) STRICT, WITHOUT ROWID;

CREATE INDEX tracks_with_word ON track_words (word, track_id);

CREATE TABLE playlists (
    id          BLOB    NOT NULL PRIMARY KEY,
    owner_id    BLOB    NOT NULL,
    title       TEXT    NOT NULL,
    description TEXT    NOT NULL,
    visibility  TEXT    NOT NULL,
    entry_count INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;

CREATE INDEX playlists_of_owner ON playlists (owner_id, id);

-- Positions only have to be in order: removing leaves a gap.
CREATE TABLE playlist_entries (
    id          BLOB    NOT NULL PRIMARY KEY,
    playlist_id BLOB    NOT NULL REFERENCES playlists (id) ON DELETE CASCADE,
    track_id    BLOB    NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    added_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX playlist_entries_in_order ON playlist_entries (playlist_id, position);
CREATE INDEX playlist_entries_of_track ON playlist_entries (track_id, playlist_id);
