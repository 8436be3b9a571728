-- Runs with servers from 0001 on.
CREATE TABLE webhooks (
  id TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  description TEXT,
  types TEXT NOT NULL,
  sealed_secret TEXT NOT NULL,
  former_sealed TEXT,
  former_ends_at BIGINT,
  created_at BIGINT NOT NULL,
  paused_at BIGINT,
  paused_by TEXT,
  failures BIGINT NOT NULL,
  failing_since BIGINT,
  rest_until BIGINT
);

CREATE TABLE webhook_deliveries (
  id TEXT PRIMARY KEY,
  webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  event_id TEXT NOT NULL,
  lane TEXT NOT NULL,
  position BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  tries BIGINT NOT NULL,
  locked_until BIGINT,
  locked_by TEXT,
  tried_at BIGINT,
  status BIGINT,
  reason TEXT,
  delivered_at BIGINT,
  ended_at BIGINT
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at)
  WHERE delivered_at IS NULL AND ended_at IS NULL;
CREATE INDEX webhook_deliveries_by_lane ON webhook_deliveries (webhook_id, lane, position)
  WHERE delivered_at IS NULL AND ended_at IS NULL;
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_by_end ON webhook_deliveries (created_at);
