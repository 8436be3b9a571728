ALTER TABLE api_keys ADD COLUMN replaced_at BIGINT;
ALTER TABLE api_keys ADD COLUMN former_hash TEXT;
ALTER TABLE api_keys ADD COLUMN former_prefix TEXT;
ALTER TABLE api_keys ADD COLUMN former_last4 TEXT;
ALTER TABLE api_keys ADD COLUMN former_ends_at BIGINT;
ALTER TABLE api_keys ADD COLUMN former_silence_ms BIGINT;
ALTER TABLE api_keys ADD COLUMN former_heard_at BIGINT;
ALTER TABLE api_keys ADD COLUMN former_warned_at BIGINT;
CREATE UNIQUE INDEX api_keys_by_former_hash ON api_keys (former_hash);
CREATE INDEX api_keys_by_former_end ON api_keys (former_ends_at);

CREATE TABLE former_secret_callers (
  id TEXT PRIMARY KEY,
  key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
  former_hash TEXT NOT NULL,
  source TEXT NOT NULL,
  agent TEXT NOT NULL,
  calls BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  UNIQUE (former_hash, source, agent)
);
CREATE INDEX former_secret_callers_by_key ON former_secret_callers (key_id);
CREATE INDEX former_secret_callers_by_time ON former_secret_callers (last_seen_at);
