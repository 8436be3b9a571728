import type { Keyring } from './auth/keyring.ts'
import { ConfigError } from './config.ts'
import type { Store } from './store/store.ts'

/** A start with another secret would refuse every token and password of this database: it stops instead. */
export async function requireSameSecret(store: Store, keyring: Keyring): Promise<void> {
  const kept = await store.settings.keepFirst('key_check', keyring.current.check)
  if (!keyring.all.some((keys) => keys.check === kept)) {
    throw new ConfigError([
      'SECRET_KEY: this database was made with another secret; start with that one, or put it behind the new one',
    ])
  }
  if (kept !== keyring.current.check) await store.settings.put('key_check', keyring.current.check)
}
