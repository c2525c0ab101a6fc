-- Counted up with every change of an account: who changes one names the revision it began from.
ALTER TABLE accounts ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

-- Each session names the key that its refresh tokens are chained with. Until now there was one key for
-- all, made by the first refresh: where there is none, nobody has refreshed yet, and logs in again.
ALTER TABLE sessions ADD COLUMN key_id BYTEA;
ALTER TABLE sessions ADD COLUMN user_agent TEXT COLLATE "C";
UPDATE sessions SET key_id =
    (SELECT id FROM keys WHERE purpose = 'refresh_token' ORDER BY created_at DESC, id DESC LIMIT 1);
DELETE FROM sessions WHERE key_id IS NULL;
ALTER TABLE sessions ALTER COLUMN key_id SET NOT NULL;

DROP INDEX sessions_of_account;
CREATE INDEX sessions_of_account ON sessions (account_id, id);
CREATE INDEX sessions_by_idle_expiry ON sessions (idle_expires_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Tokens of links in mails, as hashes.
CREATE TABLE mail_tokens (
    hash       BYTEA            NOT NULL PRIMARY KEY,
    account_id BYTEA            NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    purpose    TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL,
    UNIQUE (account_id, purpose)
);

CREATE INDEX mail_tokens_by_expiry ON mail_tokens (expires_at);
