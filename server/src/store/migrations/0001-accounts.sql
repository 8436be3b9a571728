CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  address TEXT NOT NULL UNIQUE,
  user_name TEXT UNIQUE,
  full_name TEXT,
  password_hash TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  last_login_at BIGINT,
  disabled_at BIGINT,
  sessions_valid_after BIGINT NOT NULL
);

CREATE TABLE name_claims (
  user_name TEXT PRIMARY KEY,
  address TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX name_claims_by_expiry ON name_claims (expires_at);

CREATE TABLE registrations (
  address TEXT PRIMARY KEY,
  user_name TEXT,
  full_name TEXT,
  password_hash TEXT NOT NULL,
  challenge_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX registrations_by_challenge ON registrations (challenge_id);
CREATE INDEX registrations_by_expiry ON registrations (expires_at);

CREATE TABLE challenges (
  id TEXT PRIMARY KEY,
  keys_id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  device_id TEXT,
  source TEXT NOT NULL,
  agent TEXT NOT NULL,
  digits BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  mails BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  misses BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  first_mail_at BIGINT NOT NULL,
  last_mail_at BIGINT NOT NULL,
  code_expires_at BIGINT NOT NULL,
  resend_until BIGINT NOT NULL,
  consumed_at BIGINT,
  consumed_by TEXT,
  ended_at BIGINT,
  last_try TEXT
);
CREATE INDEX challenges_by_user ON challenges (user_id, created_at);
CREATE INDEX challenges_by_address ON challenges (address);
CREATE INDEX challenges_by_end ON challenges (resend_until);

CREATE TABLE devices (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE INDEX devices_by_user ON devices (user_id);

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  device_id TEXT,
  name TEXT,
  source TEXT NOT NULL,
  agent TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  refresh_hash TEXT NOT NULL,
  refresh_issued_at BIGINT NOT NULL,
  parent_hash TEXT,
  ended_at BIGINT,
  end_reason TEXT
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  prefix TEXT NOT NULL,
  last4 TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  last_used_at BIGINT
);
CREATE INDEX api_keys_by_user ON api_keys (user_id, created_at);

CREATE TABLE budgets (
  key TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  user_id TEXT,
  log TEXT NOT NULL,
  streak BIGINT NOT NULL,
  last_try TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX budgets_by_expiry ON budgets (expires_at);

CREATE TABLE audit_events (
  id TEXT PRIMARY KEY,
  happened_at BIGINT NOT NULL,
  event TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT,
  user_id TEXT,
  subject_id TEXT,
  source TEXT,
  agent TEXT,
  position BIGINT UNIQUE,
  seal TEXT
);
CREATE INDEX audit_events_by_time ON audit_events (happened_at);
CREATE INDEX audit_events_by_user ON audit_events (user_id, happened_at);
