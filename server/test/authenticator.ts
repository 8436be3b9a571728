import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

const PRESENT = 0x01
const VERIFIED = 0x04
const WITH_CREDENTIAL = 0x40

/** What may be wrong with what an authenticator and its browser say. */
export interface Lie {
  readonly origin?: string
  readonly site?: string
  readonly challenge?: string
  readonly type?: string
  /** The count that it claims instead of the next one. */
  readonly counter?: number
  readonly absent?: true
  /** Nobody showed that it is their passkey: no PIN, no finger. */
  readonly unverified?: true
  /** Another attestation format than none. */
  readonly format?: string
}

interface Options {
  readonly challenge: string
}

/** A browser with a passkey of its own (WebAuthn, ES256), as far as a server sees one. */
export class Authenticator {
  readonly id = randomBytes(32)
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  #counter = 0

  /** What `navigator.credentials.create` answers. */
  create({ challenge }: Options, lie: Lie = {}) {
    const data = Buffer.concat([
      this.#authenticatorData(WITH_CREDENTIAL, lie),
      Buffer.alloc(16),
      Buffer.from([0, this.id.length]),
      this.id,
      this.#publicKey(),
    ])
    const object = Buffer.concat([
      Buffer.from([0xa3]),
      text('fmt'),
      text(lie.format ?? 'none'),
      text('attStmt'),
      Buffer.from([0xa0]),
      text('authData'),
      Buffer.from([0x58, data.length]),
      data,
    ])
    return this.#credential({
      clientDataJSON: clientData('webauthn.create', challenge, lie).toString('base64url'),
      attestationObject: object.toString('base64url'),
      transports: ['internal', 'hybrid'],
    })
  }

  /** What `navigator.credentials.get` answers. */
  get({ challenge }: Options, lie: Lie = {}) {
    const client = clientData('webauthn.get', challenge, lie)
    const data = this.#authenticatorData(0, lie)
    const signed = Buffer.concat([data, sha256(client)])
    return this.#credential({
      clientDataJSON: client.toString('base64url'),
      authenticatorData: data.toString('base64url'),
      signature: sign('sha256', signed, this.#keys.privateKey).toString('base64url'),
    })
  }

  #credential<Response>(response: Response) {
    const id = this.id.toString('base64url')
    const type = 'public-key'
    return { id, rawId: id, type, clientExtensionResults: {}, response }
  }

  #authenticatorData(flags: number, lie: Lie): Buffer {
    this.#counter += 1
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(lie.counter ?? this.#counter)
    const there = (lie.absent ? 0 : PRESENT) | (lie.absent || lie.unverified ? 0 : VERIFIED)
    const site = sha256(Buffer.from(lie.site ?? 'auth.example.com'))
    return Buffer.concat([site, Buffer.from([flags | there]), counter])
  }

  /** COSE: {1: 2 (EC), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}. */
  #publicKey(): Buffer {
    const { x = '', y = '' } = this.#keys.publicKey.export({ format: 'jwk' })
    return Buffer.concat([
      Buffer.from('a501020326200121', 'hex'),
      Buffer.from([0x58, 32]),
      Buffer.from(String(x), 'base64url'),
      Buffer.from([0x22, 0x58, 32]),
      Buffer.from(String(y), 'base64url'),
    ])
  }
}

function clientData(type: string, challenge: string, lie: Lie): Buffer {
  return Buffer.from(
    JSON.stringify({
      type: lie.type ?? type,
      challenge: lie.challenge ?? challenge,
      origin: lie.origin ?? 'https://auth.example.com',
      crossOrigin: false,
    }),
  )
}

/** CBOR: a text shorter than 24 bytes. */
const text = (said: string) => Buffer.concat([Buffer.from([0x60 + said.length]), Buffer.from(said)])

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
