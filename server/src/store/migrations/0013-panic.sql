CREATE TABLE panics (
  id TEXT PRIMARY KEY,
  confirm_hash TEXT NOT NULL UNIQUE,
  actor TEXT NOT NULL,
  target TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  confirmed_at BIGINT,
  confirmed_by TEXT,
  undone_at BIGINT,
  undone_by TEXT
);
CREATE INDEX panics_by_expiry ON panics (expires_at);

ALTER TABLE sessions ADD COLUMN panic_id TEXT;
ALTER TABLE api_keys ADD COLUMN panic_id TEXT;
CREATE INDEX sessions_by_panic ON sessions (panic_id);
CREATE INDEX api_keys_by_panic ON api_keys (panic_id);
