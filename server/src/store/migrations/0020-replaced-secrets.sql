CREATE INDEX api_keys_by_replacement ON api_keys (replaced_at) WHERE replaced_at IS NOT NULL;
