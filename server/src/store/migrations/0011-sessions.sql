ALTER TABLE sessions ADD COLUMN platform TEXT;
ALTER TABLE sessions ADD COLUMN location TEXT;
ALTER TABLE sessions ADD COLUMN seen_source TEXT;
ALTER TABLE sessions ADD COLUMN seen_agent TEXT;
ALTER TABLE sessions ADD COLUMN roamed_at BIGINT;
ALTER TABLE sessions ADD COLUMN place TEXT;
