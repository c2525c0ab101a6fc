-- As in sqlite/0013, where the comments stand.
CREATE TABLE ended (
    id    BYTEA  NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
);

CREATE INDEX ended_by_age ON ended (until);
