-- Uploads that go straight to the media store: what is known of each, and what everybody asks for. What stands in a
-- column too is right there.
CREATE TABLE uploads (
    id          BLOB    NOT NULL PRIMARY KEY,
    account_id  BLOB    NOT NULL,
    place_until INTEGER,
    due_at      INTEGER NOT NULL,
    leased      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    upload      TEXT    NOT NULL
) STRICT;

CREATE INDEX uploads_of_account ON uploads (account_id, id);
CREATE INDEX uploads_due ON uploads (due_at, id);
