CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  letter TEXT NOT NULL,
  challenge_id TEXT,
  sealed TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  tries BIGINT NOT NULL,
  locked_until BIGINT,
  locked_by TEXT,
  sent_at BIGINT,
  ended_at BIGINT,
  reason TEXT
);
CREATE INDEX outbox_by_due ON outbox (next_at);
CREATE INDEX outbox_by_challenge ON outbox (challenge_id, created_at);
CREATE INDEX outbox_by_end ON outbox (expires_at);
