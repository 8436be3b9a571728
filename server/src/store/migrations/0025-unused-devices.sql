-- Runs with servers from 0001 on.
CREATE INDEX devices_by_use ON devices (last_used_at);
