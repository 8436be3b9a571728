ALTER TABLE mail_links ADD COLUMN address TEXT;

CREATE TABLE held_addresses (
  address TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  expires_at BIGINT NOT NULL
);
CREATE INDEX held_addresses_by_user ON held_addresses (user_id);
CREATE INDEX held_addresses_by_expiry ON held_addresses (expires_at);

ALTER TABLE outbox ADD COLUMN user_id TEXT;
CREATE INDEX outbox_by_user ON outbox (user_id);

ALTER TABLE audit_events ADD COLUMN salt TEXT;
ALTER TABLE audit_events ADD COLUMN digest TEXT;
ALTER TABLE audit_events ADD COLUMN sealed_as BIGINT;
CREATE INDEX audit_events_by_actor ON audit_events (actor) WHERE actor IS NOT NULL;
