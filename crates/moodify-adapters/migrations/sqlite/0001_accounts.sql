-- Identifiers are 16-byte UUIDs, moments are microseconds since 1970 in UTC, flags are 0 or 1.

CREATE TABLE accounts (
    id             BLOB    NOT NULL PRIMARY KEY,
    email          TEXT    NOT NULL UNIQUE,
    email_verified INTEGER NOT NULL,
    first_name     TEXT    NOT NULL,
    last_name      TEXT    NOT NULL,
    artist_id      BLOB    UNIQUE,
    artist_name    TEXT,
    password_hash  TEXT,
    created_at     INTEGER NOT NULL,
    CHECK ((artist_id IS NULL) = (artist_name IS NULL))
) STRICT;

CREATE TABLE sessions (
    id              BLOB    NOT NULL PRIMARY KEY,
    account_id      BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    token_hash      BLOB    NOT NULL,
    generation      INTEGER NOT NULL,
    rotated_at      INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_of_account ON sessions (account_id);

-- `first` is 1 for a key that was added on condition that its purpose had none, else NULL: of two
-- processes that add one at once, the constraint lets one through.
CREATE TABLE keys (
    id         BLOB    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    secret     BLOB    NOT NULL,
    first      INTEGER,
    UNIQUE (purpose, first)
) STRICT;
