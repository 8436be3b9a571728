ALTER TABLE api_keys ADD COLUMN parent_id TEXT;
ALTER TABLE api_keys ADD COLUMN canary_at BIGINT;
CREATE INDEX api_keys_by_parent ON api_keys (parent_id, expires_at);
