-- What listeners play. `run` is the process that saved the state, 0 for any other writer.
CREATE TABLE playback_states (
    account_id BYTEA            NOT NULL PRIMARY KEY,
    epoch      BYTEA            NOT NULL,
    rev        BIGINT           NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    run        BIGINT           NOT NULL
);

-- Commands that were applied lately.
CREATE TABLE playback_commands (
    account_id BYTEA            NOT NULL,
    command_id TEXT COLLATE "C" NOT NULL,
    epoch      BYTEA            NOT NULL,
    rev        BIGINT           NOT NULL,
    at_us      BIGINT           NOT NULL,
    applied_at BIGINT           NOT NULL,
    PRIMARY KEY (account_id, command_id)
);

CREATE INDEX playback_commands_by_age ON playback_commands (applied_at);

CREATE TABLE playback_devices (
    account_id BYTEA            NOT NULL,
    device_id  TEXT COLLATE "C" NOT NULL,
    device     TEXT COLLATE "C" NOT NULL,
    last_seen  BIGINT           NOT NULL,
    PRIMARY KEY (account_id, device_id)
);

-- One row: the process that holds playback in memory, and whether it has yet to write what it knows.
CREATE TABLE playback_runs (
    id      BIGINT NOT NULL PRIMARY KEY,
    run     BIGINT NOT NULL,
    is_open BIGINT NOT NULL
);
