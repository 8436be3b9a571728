CREATE TABLE passkeys (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  credential_id TEXT NOT NULL UNIQUE,
  public_key TEXT NOT NULL,
  counter BIGINT NOT NULL,
  transports TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,
  last_used_by TEXT
);
CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at);

CREATE TABLE passkey_enrolments (
  user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  challenge_hash TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  consumed_by TEXT
);
