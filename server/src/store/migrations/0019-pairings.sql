CREATE TABLE pairings (
  id TEXT PRIMARY KEY,
  device_hash TEXT NOT NULL,
  user_hash TEXT NOT NULL,
  name TEXT,
  platform TEXT,
  location TEXT,
  source TEXT NOT NULL,
  agent TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  interval_ms BIGINT NOT NULL,
  polled_at BIGINT,
  hurried_at BIGINT,
  user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
  amr TEXT,
  allowed_by TEXT,
  allowed_at BIGINT,
  denied_at BIGINT,
  consumed_at BIGINT,
  consumed_by TEXT
);
CREATE UNIQUE INDEX pairings_by_device_hash ON pairings (device_hash);
CREATE UNIQUE INDEX pairings_by_user_hash ON pairings (user_hash);
CREATE INDEX pairings_by_user ON pairings (user_id);
CREATE INDEX pairings_by_expiry ON pairings (expires_at);
