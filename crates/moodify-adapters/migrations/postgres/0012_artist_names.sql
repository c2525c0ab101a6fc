-- Since when an artist is called so: of two names the later one stays, in whatever order they come.
ALTER TABLE artists ADD COLUMN named_at BIGINT NOT NULL DEFAULT 0;
UPDATE artists SET named_at = created_at;
