-- The label whose keys a canary pauses when somebody tries it: its name, of which the canary's own value counts.
ALTER TABLE api_keys ADD COLUMN canary_pauses_label TEXT;
