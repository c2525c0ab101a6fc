-- Counted up with every change of an account: who changes one names the revision it began from.
ALTER TABLE accounts ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

-- Each session names the key that its refresh tokens are chained with. Until now there was one key for
-- all, made by the first refresh: where there is none, nobody has refreshed yet, and logs in again.
CREATE TABLE sessions_with_keys (
    id              BLOB    NOT NULL PRIMARY KEY,
    account_id      BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key_id          BLOB    NOT NULL,
    token_hash      BLOB    NOT NULL,
    generation      INTEGER NOT NULL,
    rotated_at      INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    user_agent      TEXT
) STRICT;

INSERT INTO sessions_with_keys (id, account_id, key_id, token_hash, generation, rotated_at,
                                idle_expires_at, expires_at, created_at)
SELECT sessions.id, account_id, chain.id, token_hash, generation, rotated_at, idle_expires_at, expires_at,
       sessions.created_at
FROM sessions
CROSS JOIN (SELECT id FROM keys WHERE purpose = 'refresh_token' ORDER BY created_at DESC, id DESC LIMIT 1)
        AS chain;

DROP TABLE sessions;
ALTER TABLE sessions_with_keys RENAME TO sessions;

CREATE INDEX sessions_of_account ON sessions (account_id, id);
CREATE INDEX sessions_by_idle_expiry ON sessions (idle_expires_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Tokens of links in mails, as hashes.
CREATE TABLE mail_tokens (
    hash       BLOB    NOT NULL PRIMARY KEY,
    account_id BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    purpose    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (account_id, purpose)
) STRICT;

CREATE INDEX mail_tokens_by_expiry ON mail_tokens (expires_at);
