CREATE TABLE mail_links (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  consumed_at BIGINT,
  consumed_by TEXT,
  ended_at BIGINT
);
CREATE INDEX mail_links_by_user ON mail_links (user_id);
CREATE INDEX mail_links_by_expiry ON mail_links (expires_at);

ALTER TABLE users ADD COLUMN reset_required_at BIGINT;

CREATE INDEX audit_events_by_subject ON audit_events (subject_id, happened_at);
