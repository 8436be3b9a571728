ALTER TABLE api_keys ADD COLUMN models TEXT;
ALTER TABLE api_keys ADD COLUMN tokens_per_day BIGINT;
ALTER TABLE api_keys ADD COLUMN tokens_per_month BIGINT;
ALTER TABLE api_keys ADD COLUMN money_per_day BIGINT;
ALTER TABLE api_keys ADD COLUMN money_per_month BIGINT;

CREATE TABLE spending (
  key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
  period TEXT NOT NULL,
  starts_at BIGINT NOT NULL,
  held_tokens BIGINT NOT NULL,
  spent_tokens BIGINT NOT NULL,
  held_money BIGINT NOT NULL,
  spent_money BIGINT NOT NULL,
  PRIMARY KEY (key_id, period, starts_at)
);

CREATE TABLE reservations (
  id TEXT PRIMARY KEY,
  request_id TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
  model TEXT NOT NULL,
  input_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  money BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  settled_by TEXT
);
CREATE INDEX reservations_by_lease ON reservations (lease_until);

CREATE TABLE usage_entries (
  id TEXT PRIMARY KEY,
  request_id TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  key_id TEXT,
  model TEXT NOT NULL,
  happened_at BIGINT NOT NULL,
  input_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  money BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT
);
CREATE INDEX usage_entries_by_user ON usage_entries (user_id, happened_at);
CREATE INDEX usage_entries_by_request ON usage_entries (request_id);
