import type { RequestListener } from 'node:http'
import { importPeer } from '../frame/peers.ts'

/** The part of better-auth that is called here, with the plug-ins that are measured. */

export interface Auth {
  readonly api: {
    signUpEmail(ask: object): Promise<{ headers: Headers; response: { user: { id: string } } }>
    getSession(ask: { headers: Headers }): Promise<object | null>
    getToken(ask: { headers: Headers }): Promise<{ token: string }>
    getJwks(): Promise<object>
    createApiKey(ask: object): Promise<{ key: string }>
    verifyApiKey(ask: { body: { key: string } }): Promise<{ valid: boolean }>
  }
}

interface Main {
  betterAuth(options: object): Auth
}
interface Plugins {
  bearer(): object
  jwt(): object
}
interface Keys {
  apiKey(options: object): object
}
interface NodeParts {
  toNodeHandler(auth: Auth): RequestListener
  fromNodeHeaders(headers: object): Headers
}
interface Migration {
  getMigrations(options: object): Promise<{ runMigrations(): Promise<void> }>
}
interface Jose {
  createLocalJWKSet(jwks: object): object
  jwtVerify(token: string, jwks: object, expected: object): Promise<object>
}

export async function loadBetterAuth() {
  return {
    ...(await importPeer<Main>('better-auth')),
    ...(await importPeer<Plugins>('better-auth/plugins')),
    ...(await importPeer<Keys>('@better-auth/api-key')),
    ...(await importPeer<NodeParts>('better-auth/node')),
    ...(await importPeer<Migration>('better-auth/db/migration')),
    ...(await importPeer<Jose>('jose')),
  }
}
