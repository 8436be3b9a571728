CREATE TABLE invitations (
  id TEXT PRIMARY KEY,
  address TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  consumed_at BIGINT,
  ended_at BIGINT
);
CREATE INDEX invitations_by_address ON invitations (address);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);

ALTER TABLE registrations ADD COLUMN invitation_id TEXT;
