-- Runs with servers from 0022 on.
-- A statement that finds an account counts a try on it at once: what is counted for an account is counted under its id, where it
-- was a keyed hash of that. The rows of before stay, for servers of before; those of here begin with what they hold, of an account
-- with the latest: a secret that was taken away left older ones. A backup of before is restored without: what ends every code and
-- session may begin to count anew.
WITH held AS (
  SELECT name || ' ' || COALESCE(user_id, key) AS own_key, name, user_id, log, streak, last_try, expires_at
  FROM budgets WHERE name = 'login-account' OR (name = 'code-account' AND user_id IS NOT NULL)
) INSERT INTO budgets (key, name, user_id, log, streak, last_try, expires_at)
SELECT own_key, name, user_id, log, streak, last_try, expires_at
FROM held WHERE expires_at > 0 ORDER BY expires_at DESC
ON CONFLICT (key) DO NOTHING;
