import { FreddyError } from '../errors.ts'
import type { TokenStore, Tokens } from '../token-store.ts'

/** What we use of `@napi-rs/keyring`, which is not among our dependencies. */
interface Entry {
  getPassword(): Promise<string | null | undefined>
  setPassword(text: string): Promise<void>
  deletePassword(): Promise<unknown>
}
interface Keyring {
  readonly AsyncEntry: new (service: string, account: string, options: object) => Entry
}

const SERVICE = 'freddy'
/** Linux has a kernel keyring beside it, which forgets within days: not that one. */
const OPTIONS = { linux: { store: 'secret-service' } }

/**
 * Keeps the tokens of one server in the system's key chain: macOS Keychain, Windows Credential Manager, Secret Service.
 * Throws `FreddyError` where there is none, or where `@napi-rs/keyring` is not installed.
 */
export async function keychainStore(baseUrl: string): Promise<TokenStore> {
  const entry = await entryOf(baseUrl)
  return {
    async read() {
      const text = await entry.getPassword()
      return text ? parse(text) : null
    },
    async write({ token, refreshToken }) {
      await entry.setPassword(JSON.stringify({ token, refreshToken }))
    },
    async clear() {
      await entry.deletePassword()
    },
  }
}

async function entryOf(baseUrl: string): Promise<Entry> {
  // Not written into the import, so that no bundler and no compiler asks for it.
  const name = '@napi-rs/keyring'
  try {
    const { AsyncEntry }: Keyring = await import(name)
    const entry = new AsyncEntry(SERVICE, baseUrl, OPTIONS)
    await entry.getPassword()
    return entry
  } catch (cause) {
    throw new FreddyError(`There is no key chain here, or ${name} is not installed`, { cause })
  }
}

function parse(text: string): Tokens | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
