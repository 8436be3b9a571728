CREATE TABLE holds (
  id TEXT PRIMARY KEY,
  request_id TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  key_id TEXT REFERENCES api_keys (id) ON DELETE CASCADE,
  model TEXT NOT NULL,
  input_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  money BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  settled_by TEXT
);
INSERT INTO holds (id, request_id, user_id, key_id, model, input_tokens, output_tokens, money,
    created_at, lease_until, settled_by)
  SELECT id, request_id, user_id, key_id, model, input_tokens, output_tokens, money,
    created_at, lease_until, settled_by FROM reservations;
DROP TABLE reservations;
CREATE INDEX holds_by_lease ON holds (lease_until);
CREATE INDEX holds_by_request ON holds (request_id);

ALTER TABLE usage_entries ADD COLUMN looked TEXT;

CREATE TABLE person_limits (
  user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  tokens_per_day BIGINT,
  tokens_per_month BIGINT,
  money_per_day BIGINT,
  money_per_month BIGINT,
  set_at BIGINT NOT NULL
);

CREATE TABLE person_spending (
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  period TEXT NOT NULL,
  starts_at BIGINT NOT NULL,
  held_tokens BIGINT NOT NULL,
  spent_tokens BIGINT NOT NULL,
  held_money BIGINT NOT NULL,
  spent_money BIGINT NOT NULL,
  PRIMARY KEY (user_id, period, starts_at)
);

CREATE TABLE budget_raises (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
  challenge_id TEXT NOT NULL,
  limit_name TEXT NOT NULL,
  amount BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  granted_at BIGINT,
  expires_at BIGINT NOT NULL
);
CREATE INDEX budget_raises_by_user ON budget_raises (user_id, expires_at);
CREATE INDEX budget_raises_by_challenge ON budget_raises (challenge_id);
CREATE INDEX budget_raises_by_expiry ON budget_raises (expires_at);
