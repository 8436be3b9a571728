ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
ALTER TABLE api_keys ADD COLUMN paused_at BIGINT;
ALTER TABLE audit_events ADD COLUMN actor TEXT;
CREATE INDEX users_by_creation ON users (created_at, id);
