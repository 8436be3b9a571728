-- Runs with servers from 0001 on.
CREATE TABLE booked_groups (
  id TEXT PRIMARY KEY,
  booked_at BIGINT NOT NULL
);
CREATE INDEX booked_groups_by_moment ON booked_groups (booked_at);
