-- Identifiers are 16-byte UUIDs, moments are microseconds since 1970 in UTC, flags are 0 or 1; texts
-- are compared by code points, as SQLite does.

CREATE TABLE accounts (
    id             BYTEA            NOT NULL PRIMARY KEY,
    email          TEXT COLLATE "C" NOT NULL UNIQUE,
    email_verified BIGINT           NOT NULL,
    first_name     TEXT COLLATE "C" NOT NULL,
    last_name      TEXT COLLATE "C" NOT NULL,
    artist_id      BYTEA            UNIQUE,
    artist_name    TEXT COLLATE "C",
    password_hash  TEXT COLLATE "C",
    created_at     BIGINT           NOT NULL,
    CHECK ((artist_id IS NULL) = (artist_name IS NULL))
);

CREATE TABLE sessions (
    id              BYTEA  NOT NULL PRIMARY KEY,
    account_id      BYTEA  NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    token_hash      BYTEA  NOT NULL,
    generation      BIGINT NOT NULL,
    rotated_at      BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);

CREATE INDEX sessions_of_account ON sessions (account_id);

-- `first` is 1 for a key that was added on condition that its purpose had none, else NULL: of two
-- processes that add one at once, the constraint lets one through.
CREATE TABLE keys (
    id         BYTEA            NOT NULL PRIMARY KEY,
    purpose    TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    secret     BYTEA            NOT NULL,
    first      BIGINT,
    UNIQUE (purpose, first)
);
