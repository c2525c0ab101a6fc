-- The same as `ended`, which belongs to the music service, for the sync service: who opens no socket any more.
CREATE TABLE playback_ended (
    id    BLOB    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX playback_ended_by_age ON playback_ended (until);
