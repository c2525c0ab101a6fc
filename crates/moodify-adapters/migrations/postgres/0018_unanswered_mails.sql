-- How often a mail server had the whole mail and gave no answer, and when last.
ALTER TABLE send_log ADD COLUMN unanswered BIGINT NOT NULL DEFAULT 0;
ALTER TABLE send_log ADD COLUMN unanswered_at BIGINT;

-- How much of its day a sender has used up: when its next mail would go if none might go at once.
CREATE TABLE sender_paces (
    sender  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    next_at BIGINT           NOT NULL
);
