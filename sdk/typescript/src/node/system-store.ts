import type { TokenStore } from '../token-store.ts'
import { type FileStoreOptions, fileStore } from './file-store.ts'
import { keychainStore } from './keychain-store.ts'

/** The system's key chain, or an encrypted file where there is none. */
export async function systemStore(
  baseUrl: string,
  options: FileStoreOptions = {},
): Promise<TokenStore & { readonly place: string }> {
  try {
    return { ...(await keychainStore(baseUrl)), place: "the system's key chain" }
  } catch {
    const store = fileStore(baseUrl, options)
    return { ...store, place: store.path }
  }
}
