-- Failed log-ins, by a keyed hash of whose they are: neither addresses nor networks are stored.

CREATE TABLE log_in_tallies (
    subject       BLOB    NOT NULL PRIMARY KEY,
    failures      INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX log_in_tallies_expiring ON log_in_tallies (expires_at);
