-- Uploads that go straight to the media store: what is known of each, and what everybody asks for. What stands in a
-- column too is right there.
CREATE TABLE uploads (
    id          BYTEA            NOT NULL PRIMARY KEY,
    account_id  BYTEA            NOT NULL,
    place_until BIGINT,
    due_at      BIGINT           NOT NULL,
    leased      BIGINT           NOT NULL,
    attempts    BIGINT           NOT NULL,
    version     BIGINT           NOT NULL,
    upload      TEXT COLLATE "C" NOT NULL
);

CREATE INDEX uploads_of_account ON uploads (account_id, id);
CREATE INDEX uploads_due ON uploads (due_at, id);
