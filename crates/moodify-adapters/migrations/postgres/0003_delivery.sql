-- Events that wait to be published; published ones are deleted.
CREATE TABLE outbox (
    seq          BIGINT           NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           BYTEA            NOT NULL UNIQUE,
    event        TEXT COLLATE "C" NOT NULL,
    leased_until BIGINT           NOT NULL
);

CREATE TABLE subscriptions (
    consumer TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, consumer)
);

-- `due_at` is when a delivery may be received: at once (0), until a lease (`leased`) or a retry moves it.
CREATE TABLE deliveries (
    seq          BIGINT           NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer     TEXT COLLATE "C" NOT NULL,
    event_id     BYTEA            NOT NULL,
    event        TEXT COLLATE "C" NOT NULL,
    published_at BIGINT           NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    attempt      BIGINT           NOT NULL,
    due_at       BIGINT           NOT NULL,
    leased       BIGINT           NOT NULL DEFAULT 0,
    reason       TEXT COLLATE "C",
    died_at      BIGINT,
    UNIQUE (event_id, consumer)
);

CREATE INDEX deliveries_due ON deliveries (consumer, due_at, seq) WHERE state = 'open';
CREATE INDEX deliveries_dead ON deliveries (consumer, died_at, seq) WHERE state = 'dead';
CREATE INDEX deliveries_done ON deliveries (published_at) WHERE state = 'done';

CREATE TABLE send_log (
    event_id      BYTEA            NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL,
    claimed_until BIGINT           NOT NULL,
    sent_at       BIGINT,
    PRIMARY KEY (event_id, kind)
);

-- One row that `SqlStore::round_trip` counts up, to prove that writes arrive.
CREATE TABLE round_trips (
    id    BIGINT NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL
);

-- Both change with every event: tidied up before a tenth of a large table is dead rows.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
