-- Runs with servers from 0001 on.
ALTER TABLE users ADD COLUMN language TEXT;
ALTER TABLE challenges ADD COLUMN language TEXT;

CREATE TABLE mail_stops (
  id TEXT PRIMARY KEY,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX mail_stops_by_expiry ON mail_stops (expires_at);
