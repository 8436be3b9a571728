-- Runs with servers from 0001 on.
-- The oldest schema whose servers may go on beside a migration that they do not know; null where none may.
ALTER TABLE schema_migrations ADD COLUMN servers_from TEXT;
