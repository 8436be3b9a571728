import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { importPeer } from '../frame/peers.ts'
import { ready, wishes } from '../frame/serving.ts'

/** The part of oidc-provider that is called here. */
interface Provider {
  readonly Client: { find(id: string): Promise<object> }
  readonly Grant: new (
    about: object,
  ) => { addOIDCScope(scope: string): void; save(): Promise<string> }
  readonly RefreshToken: new (about: object) => { save(): Promise<string> }
  listen(port: number, host: string, listening: () => void): Server
}
interface Package {
  readonly Provider: new (issuer: string, configuration: object) => Provider
}

export interface OidcTold {
  readonly tokens: readonly string[]
}

/** Its own store in memory forgets all but the last thousand things; this one forgets nothing, and costs as little. */
class Memory {
  static readonly kept = new Map<string, object>()
  readonly #model: string
  constructor(model: string) {
    this.#model = model
  }
  #place = (id: string) => `${this.#model}:${id}`
  async upsert(id: string, payload: object) {
    Memory.kept.set(this.#place(id), payload)
  }
  async find(id: string) {
    return Memory.kept.get(this.#place(id))
  }
  async consume(id: string) {
    Object.assign(Memory.kept.get(this.#place(id)) ?? {}, { consumed: Date.now() })
  }
  async destroy(id: string) {
    Memory.kept.delete(this.#place(id))
  }
  async revokeByGrantId() {}
}

const scope = 'openid offline_access'
const { tokens: count, rotate } = wishes<{ tokens: number; rotate: boolean }>()
// Its notices are about what is standard and should be set: nothing here that costs time.
console.info = () => {}
console.warn = () => {}
const { Provider } = await importPeer<Package>('oidc-provider')
const provider = new Provider('http://localhost', {
  adapter: Memory,
  clients: [
    {
      client_id: 'bench',
      client_secret: 'secret',
      grant_types: ['refresh_token', 'authorization_code'],
      redirect_uris: ['https://client.example.com/callback'],
      token_endpoint_auth_method: 'client_secret_post',
    },
  ],
  rotateRefreshToken: rotate,
  features: { devInteractions: { enabled: false } },
  findAccount: (_: unknown, id: string) => ({ accountId: id, claims: async () => ({ sub: id }) }),
})
const client = await provider.Client.find('bench')
const tokens: string[] = []
for (let index = 0; index < count; index++) {
  const accountId = `person${index}`
  const grant = new provider.Grant({ accountId, clientId: 'bench' })
  grant.addOIDCScope(scope)
  const grantId = await grant.save()
  const about = { accountId, client, grantId, gty: 'authorization_code', scope }
  tokens.push(await new provider.RefreshToken(about).save())
}
const server = provider.listen(0, '127.0.0.1', () => {
  ready((server.address() as AddressInfo).port, { tokens })
})
