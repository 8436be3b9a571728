/** What was said of credentials, at most so many, the longest unused forgotten first. */
export class Memory<Said> {
  readonly #most: number
  readonly #said = new Map<string, Said>()

  constructor(most: number) {
    this.#most = most
  }

  find(name: string): Said | undefined {
    const said = this.#said.get(name)
    if (said !== undefined) this.keep(name, said)
    return said
  }

  keep(name: string, said: Said): void {
    this.#said.delete(name)
    this.#said.set(name, said)
    const [oldest] = this.#said.keys()
    if (this.#said.size > this.#most && oldest !== undefined) this.#said.delete(oldest)
  }

  forget(name: string): void {
    this.#said.delete(name)
  }
}

/** What a credential is remembered by: the credential itself is kept nowhere. */
export async function nameOf(credential: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(credential))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
