-- Who signs in through an identity provider, and to which account: one of each issuer at most.
CREATE TABLE identities (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject),
    UNIQUE (account_id, issuer)
) STRICT, WITHOUT ROWID;
