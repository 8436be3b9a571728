CREATE TABLE totp_factors (
  user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  sealed TEXT NOT NULL,
  last_step BIGINT NOT NULL,
  last_used_by TEXT,
  created_at BIGINT NOT NULL,
  confirmed_at BIGINT
);

CREATE TABLE recovery_codes (
  hash TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  used_at BIGINT,
  used_by TEXT
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);
