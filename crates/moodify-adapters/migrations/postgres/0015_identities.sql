-- Who signs in through an identity provider, and to which account: one of each issuer at most.
CREATE TABLE identities (
    issuer     TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    account_id BYTEA            NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject),
    UNIQUE (account_id, issuer)
);
