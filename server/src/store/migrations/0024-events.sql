-- Runs with servers from 0001 on.
CREATE TABLE events (
  id TEXT PRIMARY KEY,
  position BIGINT UNIQUE,
  happened_at BIGINT NOT NULL,
  step BIGINT NOT NULL,
  type TEXT NOT NULL,
  user_id TEXT,
  subject_id TEXT,
  facts TEXT
);
CREATE INDEX events_unplaced ON events (happened_at, step, id) WHERE position IS NULL;
CREATE INDEX events_by_user ON events (user_id, position);
CREATE INDEX events_by_type ON events (type, position);
CREATE INDEX events_by_time ON events (happened_at);
