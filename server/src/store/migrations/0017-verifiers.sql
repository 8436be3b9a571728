CREATE TABLE signing_keys (
  id TEXT PRIMARY KEY,
  alg TEXT NOT NULL,
  sealed TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  current_since BIGINT,
  retired_at BIGINT
);
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (alg)
  WHERE current_since IS NOT NULL AND retired_at IS NULL;
CREATE UNIQUE INDEX signing_keys_standby ON signing_keys (alg)
  WHERE current_since IS NULL AND retired_at IS NULL;

CREATE TABLE revocations (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  ended_at BIGINT NOT NULL
);
CREATE INDEX revocations_by_end ON revocations (ended_at);
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX api_keys_by_revocation ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_by_pause ON api_keys (paused_at) WHERE paused_at IS NOT NULL;
CREATE INDEX users_by_disabling ON users (disabled_at) WHERE disabled_at IS NOT NULL;
