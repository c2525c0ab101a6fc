-- Failed log-ins, by a keyed hash of whose they are: neither addresses nor networks are stored.

CREATE TABLE log_in_tallies (
    subject       BYTEA  NOT NULL PRIMARY KEY,
    failures      BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);

CREATE INDEX log_in_tallies_expiring ON log_in_tallies (expires_at);
