ALTER TABLE api_keys ADD COLUMN paused_by TEXT;
