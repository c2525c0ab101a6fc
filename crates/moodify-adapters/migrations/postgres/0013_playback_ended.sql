-- As in sqlite/0013, where the comments stand.
CREATE TABLE playback_ended (
    id    BYTEA  NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
);

CREATE INDEX playback_ended_by_age ON playback_ended (until);
