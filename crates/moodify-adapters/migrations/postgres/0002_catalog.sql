CREATE TABLE artists (
    id         BYTEA            NOT NULL PRIMARY KEY,
    account_id BYTEA            NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL
);

CREATE TABLE tracks (
    id           BYTEA            NOT NULL PRIMARY KEY,
    artist_id    BYTEA            NOT NULL REFERENCES artists (id),
    title        TEXT COLLATE "C" NOT NULL,
    title_folded TEXT COLLATE "C" NOT NULL,
    genre        TEXT COLLATE "C",
    genre_folded TEXT COLLATE "C",
    duration_ms  BIGINT           NOT NULL,
    size_bytes   BIGINT           NOT NULL,
    visibility   TEXT COLLATE "C" NOT NULL,
    status       TEXT COLLATE "C" NOT NULL,
    audio        BYTEA            NOT NULL,
    cover        BYTEA,
    play_count   BIGINT           NOT NULL,
    created_at   BIGINT           NOT NULL,
    version      BIGINT           NOT NULL,
    listed       BIGINT           NOT NULL
        GENERATED ALWAYS AS (CASE WHEN visibility = 'public' AND status = 'ready' THEN 1 ELSE 0 END) STORED
);

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
    track_id  BYTEA            NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
    word      TEXT COLLATE "C" NOT NULL,
    of_artist BIGINT           NOT NULL,
    PRIMARY KEY (track_id, word, of_artist)
);

CREATE INDEX tracks_with_word ON track_words (word, track_id);

CREATE TABLE playlists (
    id          BYTEA            NOT NULL PRIMARY KEY,
    owner_id    BYTEA            NOT NULL,
    title       TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    visibility  TEXT COLLATE "C" NOT NULL,
    entry_count BIGINT           NOT NULL,
    created_at  BIGINT           NOT NULL,
    updated_at  BIGINT           NOT NULL,
    version     BIGINT           NOT NULL
);

CREATE INDEX playlists_of_owner ON playlists (owner_id, id);

-- Positions only have to be in order: removing leaves a gap.
CREATE TABLE playlist_entries (
    id          BYTEA  NOT NULL PRIMARY KEY,
    playlist_id BYTEA  NOT NULL REFERENCES playlists (id) ON DELETE CASCADE,
    track_id    BYTEA  NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
    position    BIGINT NOT NULL,
    added_at    BIGINT NOT NULL
);

CREATE INDEX playlist_entries_in_order ON playlist_entries (playlist_id, position);
CREATE INDEX playlist_entries_of_track ON playlist_entries (track_id, playlist_id);
