-- Events that wait to be published; published ones are deleted.
CREATE TABLE outbox (
    seq          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id           BLOB    NOT NULL UNIQUE,
    event        TEXT    NOT NULL,
    leased_until INTEGER NOT NULL
) STRICT;

CREATE TABLE subscriptions (
    consumer TEXT NOT NULL,
    kind     TEXT NOT NULL,
    PRIMARY KEY (kind, consumer)
) STRICT, WITHOUT ROWID;

-- `due_at` is when a delivery may be received: at once (0), until a lease (`leased`) or a retry moves it.
CREATE TABLE deliveries (
    seq          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    consumer     TEXT    NOT NULL,
    event_id     BLOB    NOT NULL,
    event        TEXT    NOT NULL,
    published_at INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    attempt      INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    leased       INTEGER NOT NULL DEFAULT 0,
    reason       TEXT,
    died_at      INTEGER,
    UNIQUE (event_id, consumer)
) STRICT;

CREATE INDEX deliveries_due ON deliveries (consumer, due_at, seq) WHERE state = 'open';
CREATE INDEX deliveries_dead ON deliveries (consumer, died_at, seq) WHERE state = 'dead';
CREATE INDEX deliveries_done ON deliveries (published_at) WHERE state = 'done';

CREATE TABLE send_log (
    event_id      BLOB    NOT NULL,
    kind          TEXT    NOT NULL,
    claimed_until INTEGER NOT NULL,
    sent_at       INTEGER,
    PRIMARY KEY (event_id, kind)
) STRICT, WITHOUT ROWID;

-- One row that `SqlStore::round_trip` counts up, to prove that writes arrive.
CREATE TABLE round_trips (
    id    INTEGER NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT;
