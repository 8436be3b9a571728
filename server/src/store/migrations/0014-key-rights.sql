ALTER TABLE api_keys ADD COLUMN networks TEXT;
ALTER TABLE api_keys ADD COLUMN requests_per_minute BIGINT;
ALTER TABLE api_keys ADD COLUMN requests_per_day BIGINT;
ALTER TABLE api_keys ADD COLUMN reminded_days BIGINT;
ALTER TABLE api_keys ADD COLUMN last_used_source TEXT;
ALTER TABLE api_keys ADD COLUMN last_used_agent TEXT;
ALTER TABLE api_keys ADD COLUMN refused_calls BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN last_refused_at BIGINT;
ALTER TABLE api_keys ADD COLUMN last_refused_source TEXT;
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at);

CREATE TABLE api_key_labels (
  key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (key_id, name)
);
CREATE INDEX api_key_labels_by_value ON api_key_labels (name, value);
