-- What listeners play. `run` is the process that saved the state, 0 for any other writer.
CREATE TABLE playback_states (
    account_id BLOB    NOT NULL PRIMARY KEY,
    epoch      BLOB    NOT NULL,
    rev        INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    run        INTEGER NOT NULL
) STRICT;

-- Commands that were applied lately.
CREATE TABLE playback_commands (
    account_id BLOB    NOT NULL,
    command_id TEXT    NOT NULL,
    epoch      BLOB    NOT NULL,
    rev        INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, command_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX playback_commands_by_age ON playback_commands (applied_at);

CREATE TABLE playback_devices (
    account_id BLOB    NOT NULL,
    device_id  TEXT    NOT NULL,
    device     TEXT    NOT NULL,
    last_seen  INTEGER NOT NULL,
    PRIMARY KEY (account_id, device_id)
) STRICT, WITHOUT ROWID;

-- One row: the process that holds playback in memory, and whether it has yet to write what it knows.
CREATE TABLE playback_runs (
    id      INTEGER NOT NULL PRIMARY KEY,
    run     INTEGER NOT NULL,
    is_open INTEGER NOT NULL
) STRICT;
