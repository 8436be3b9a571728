-- Runs with servers from 0001 on.
-- Whose rows said something else than before, since when a server may remember them: see store/changes.ts.
CREATE TABLE changes (
  txid BIGINT NOT NULL,
  user_id TEXT NOT NULL,
  happened_at BIGINT NOT NULL,
  PRIMARY KEY (txid, user_id)
);
CREATE INDEX changes_by_moment ON changes (happened_at);

-- only PostgreSQL
CREATE FUNCTION note_change(person TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN INSERT INTO changes (txid, user_id, happened_at) VALUES (
    CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT), person,
    CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)) ON CONFLICT DO NOTHING;
  PERFORM pg_notify('freddy_changes', '');
END $$;

CREATE FUNCTION note_owner_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN PERFORM note_change(OLD.user_id); END IF;
  IF TG_OP <> 'DELETE' THEN PERFORM note_change(NEW.user_id); END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION note_user_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  PERFORM note_change(OLD.id);
  RETURN NULL;
END $$;

CREATE TRIGGER users_changed AFTER UPDATE OF id, address, disabled_at, sessions_valid_after ON users
  FOR EACH ROW WHEN ((OLD.id, OLD.address, OLD.disabled_at, OLD.sessions_valid_after)
    IS DISTINCT FROM (NEW.id, NEW.address, NEW.disabled_at, NEW.sessions_valid_after))
  EXECUTE FUNCTION note_user_changed();
CREATE TRIGGER users_gone AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION note_user_changed();

CREATE TRIGGER sessions_changed AFTER UPDATE OF
  id, user_id, device_id, created_at, expires_at, ended_at, end_reason, amr, place ON sessions
  FOR EACH ROW WHEN ((OLD.id, OLD.user_id, OLD.device_id, OLD.created_at, OLD.expires_at, OLD.ended_at, OLD.end_reason, OLD.amr, OLD.place)
    IS DISTINCT FROM (NEW.id, NEW.user_id, NEW.device_id, NEW.created_at, NEW.expires_at, NEW.ended_at, NEW.end_reason, NEW.amr, NEW.place))
  EXECUTE FUNCTION note_owner_changed();
CREATE TRIGGER sessions_gone AFTER DELETE ON sessions FOR EACH ROW WHEN (OLD.ended_at IS NULL)
  EXECUTE FUNCTION note_owner_changed();

CREATE TRIGGER api_keys_changed AFTER UPDATE OF
  id, user_id, name, hash, prefix, last4, scopes, created_at, expires_at, revoked_at, paused_at, paused_by, models, networks,
  requests_per_minute, requests_per_day, tokens_per_day, tokens_per_month, money_per_day, money_per_month, replaced_at,
  former_hash, former_prefix, former_last4, former_ends_at, former_silence_ms, parent_id, canary_at, canary_pauses_label ON api_keys
  FOR EACH ROW WHEN ((OLD.id, OLD.user_id, OLD.name, OLD.hash, OLD.prefix, OLD.last4, OLD.scopes, OLD.created_at, OLD.expires_at,
      OLD.revoked_at, OLD.paused_at, OLD.paused_by, OLD.models, OLD.networks, OLD.requests_per_minute, OLD.requests_per_day,
      OLD.tokens_per_day, OLD.tokens_per_month, OLD.money_per_day, OLD.money_per_month, OLD.replaced_at, OLD.former_hash,
      OLD.former_prefix, OLD.former_last4, OLD.former_ends_at, OLD.former_silence_ms, OLD.parent_id, OLD.canary_at,
      OLD.canary_pauses_label)
    IS DISTINCT FROM (NEW.id, NEW.user_id, NEW.name, NEW.hash, NEW.prefix, NEW.last4, NEW.scopes, NEW.created_at, NEW.expires_at,
      NEW.revoked_at, NEW.paused_at, NEW.paused_by, NEW.models, NEW.networks, NEW.requests_per_minute, NEW.requests_per_day,
      NEW.tokens_per_day, NEW.tokens_per_month, NEW.money_per_day, NEW.money_per_month, NEW.replaced_at, NEW.former_hash,
      NEW.former_prefix, NEW.former_last4, NEW.former_ends_at, NEW.former_silence_ms, NEW.parent_id, NEW.canary_at,
      NEW.canary_pauses_label))
  EXECUTE FUNCTION note_owner_changed();
CREATE TRIGGER api_keys_gone AFTER DELETE ON api_keys FOR EACH ROW WHEN (OLD.revoked_at IS NULL)
  EXECUTE FUNCTION note_owner_changed();

CREATE TRIGGER person_limits_changed AFTER INSERT OR UPDATE OR DELETE ON person_limits
  FOR EACH ROW EXECUTE FUNCTION note_owner_changed();

CREATE TRIGGER budget_raises_made AFTER INSERT ON budget_raises FOR EACH ROW WHEN (NEW.granted_at IS NOT NULL)
  EXECUTE FUNCTION note_owner_changed();
CREATE TRIGGER budget_raises_changed AFTER UPDATE OF user_id, key_id, limit_name, amount, granted_at, expires_at ON budget_raises
  FOR EACH ROW WHEN ((OLD.user_id, OLD.key_id, OLD.limit_name, OLD.amount, OLD.granted_at, OLD.expires_at)
    IS DISTINCT FROM (NEW.user_id, NEW.key_id, NEW.limit_name, NEW.amount, NEW.granted_at, NEW.expires_at))
  EXECUTE FUNCTION note_owner_changed();
CREATE TRIGGER budget_raises_gone AFTER DELETE ON budget_raises FOR EACH ROW WHEN (OLD.granted_at IS NOT NULL)
  EXECUTE FUNCTION note_owner_changed();

-- only SQLite
CREATE TRIGGER users_changed AFTER UPDATE OF id, address, disabled_at, sessions_valid_after ON users WHEN (OLD.id, OLD.address,
  OLD.disabled_at, OLD.sessions_valid_after) IS NOT (NEW.id, NEW.address, NEW.disabled_at, NEW.sessions_valid_after)
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT OLD.id AS person UNION SELECT NEW.id); END;
CREATE TRIGGER users_gone AFTER DELETE ON users
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT OLD.id AS person); END;
CREATE TRIGGER sessions_changed AFTER UPDATE OF id, user_id, device_id, created_at, expires_at, ended_at, end_reason, amr, place ON sessions
  WHEN (OLD.id, OLD.user_id, OLD.device_id, OLD.created_at, OLD.expires_at, OLD.ended_at, OLD.end_reason, OLD.amr, OLD.place) IS NOT
  (NEW.id, NEW.user_id, NEW.device_id, NEW.created_at, NEW.expires_at, NEW.ended_at, NEW.end_reason, NEW.amr, NEW.place)
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT OLD.user_id AS person UNION SELECT NEW.user_id); END;
CREATE TRIGGER sessions_gone AFTER DELETE ON sessions WHEN OLD.ended_at IS NULL
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT OLD.user_id AS person); END;
CREATE TRIGGER api_keys_changed AFTER UPDATE OF id, user_id, name, hash, prefix, last4, scopes, created_at, expires_at, revoked_at,
  paused_at, paused_by, models, networks, requests_per_minute, requests_per_day, tokens_per_day, tokens_per_month, money_per_day,
  money_per_month, replaced_at, former_hash, former_prefix, former_last4, former_ends_at, former_silence_ms, parent_id, canary_at,
  canary_pauses_label ON api_keys WHEN (OLD.id, OLD.user_id, OLD.name, OLD.hash, OLD.prefix, OLD.last4, OLD.scopes, OLD.created_at,
  OLD.expires_at, OLD.revoked_at, OLD.paused_at, OLD.paused_by, OLD.models, OLD.networks, OLD.requests_per_minute, OLD.requests_per_day,
  OLD.tokens_per_day, OLD.tokens_per_month, OLD.money_per_day, OLD.money_per_month, OLD.replaced_at, OLD.former_hash, OLD.former_prefix,
  OLD.former_last4, OLD.former_ends_at, OLD.former_silence_ms, OLD.parent_id, OLD.canary_at, OLD.canary_pauses_label) IS NOT (NEW.id,
  NEW.user_id, NEW.name, NEW.hash, NEW.prefix, NEW.last4, NEW.scopes, NEW.created_at, NEW.expires_at, NEW.revoked_at, NEW.paused_at,
  NEW.paused_by, NEW.models, NEW.networks, NEW.requests_per_minute, NEW.requests_per_day, NEW.tokens_per_day, NEW.tokens_per_month,
  NEW.money_per_day, NEW.money_per_month, NEW.replaced_at, NEW.former_hash, NEW.former_prefix, NEW.former_last4, NEW.former_ends_at,
  NEW.former_silence_ms, NEW.parent_id, NEW.canary_at, NEW.canary_pauses_label)
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT OLD.user_id AS person UNION SELECT NEW.user_id); END;
CREATE TRIGGER api_keys_gone AFTER DELETE ON api_keys WHEN OLD.revoked_at IS NULL
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT OLD.user_id AS person); END;
CREATE TRIGGER person_limits_made AFTER INSERT ON person_limits
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT NEW.user_id AS person); END;
CREATE TRIGGER person_limits_changed AFTER UPDATE ON person_limits
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT OLD.user_id AS person UNION SELECT NEW.user_id); END;
CREATE TRIGGER person_limits_gone AFTER DELETE ON person_limits
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT OLD.user_id AS person); END;
CREATE TRIGGER budget_raises_made AFTER INSERT ON budget_raises WHEN NEW.granted_at IS NOT NULL
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT NEW.user_id AS person); END;
CREATE TRIGGER budget_raises_changed AFTER UPDATE OF user_id, key_id, limit_name, amount, granted_at, expires_at ON budget_raises WHEN
  (OLD.user_id, OLD.key_id, OLD.limit_name, OLD.amount, OLD.granted_at, OLD.expires_at) IS NOT (NEW.user_id, NEW.key_id, NEW.limit_name,
  NEW.amount, NEW.granted_at, NEW.expires_at)
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT OLD.user_id AS person UNION SELECT NEW.user_id); END;
CREATE TRIGGER budget_raises_gone AFTER DELETE ON budget_raises WHEN OLD.granted_at IS NOT NULL
BEGIN INSERT INTO changes SELECT (SELECT COALESCE(max(txid), 0) + 1 FROM changes), person,
  CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (SELECT OLD.user_id AS person); END;
