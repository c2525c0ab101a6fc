-- How often a delivery was retried since it was published or replayed, and how often it was received
-- since anything was heard of it.
ALTER TABLE deliveries ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN silent INTEGER NOT NULL DEFAULT 0;

CREATE INDEX send_log_by_age ON send_log ((COALESCE(sent_at, claimed_until)));

-- Whom the notification service writes to. Of a deleted account only the fact is kept (`email` is null),
-- and only for a while: an event that comes late must not bring it back.
CREATE TABLE recipients (
    account_id     BLOB    NOT NULL PRIMARY KEY,
    email          TEXT,
    email_verified INTEGER NOT NULL,
    first_name     TEXT,
    artist_id      BLOB,
    told_at        INTEGER NOT NULL,
    CHECK ((email IS NULL) = (first_name IS NULL))
) STRICT;

CREATE INDEX recipients_gone ON recipients (told_at) WHERE email IS NULL;

-- Who follows whom; `following` is 0 for who does no more, kept for a while for the same reason.
CREATE TABLE recipient_follows (
    artist_id  BLOB    NOT NULL,
    account_id BLOB    NOT NULL,
    following  INTEGER NOT NULL,
    told_at    INTEGER NOT NULL,
    PRIMARY KEY (artist_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX recipient_follows_of_account ON recipient_follows (account_id);
CREATE INDEX recipient_follows_ended ON recipient_follows (told_at) WHERE following = 0;

-- How far the announcement of a track has come: the last follower of those who were told.
CREATE TABLE announcements (
    track_id BLOB    NOT NULL PRIMARY KEY,
    up_to    BLOB    NOT NULL,
    noted_at INTEGER NOT NULL
) STRICT;

CREATE INDEX announcements_by_age ON announcements (noted_at);
