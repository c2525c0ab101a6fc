-- Accounts and sessions that have ended while access tokens of theirs are still around. `until` is when this
-- may be forgotten.
CREATE TABLE ended (
    id    BLOB    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ended_by_age ON ended (until);
