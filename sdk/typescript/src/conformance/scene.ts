import type { Rule } from '../../../cases/case.ts'

/** What a client that keeps its promises does, and a server that finds out. docs/conformance.md tells of them. */
export interface Scene {
  readonly name: string
  /** The founding clients keep it too. */
  readonly core: boolean
  /** Ends the sentence "expected that …". */
  readonly promise: string
  readonly server: readonly Rule[]
  readonly steps: readonly SceneStep[]
}

export type SceneStep = { readonly server: 'down' | 'up' } | ClientStep

/** What the client is to do, as it goes over the pipe; `tells` stays here. */
export interface ClientStep {
  readonly do: 'login' | 'verify' | 'create_response' | 'refresh' | 'resend' | 'logout'
  /** Absent: it succeeds. Either: nothing is asked of it. */
  readonly tells?: Told | 'either'
  readonly [field: string]: unknown
}

/** What a client says of one step. */
export interface Told {
  readonly ok: boolean
  readonly [field: string]: unknown
}

/** A client at work: in this process, or a program in any language. */
export interface Client {
  take(step: Readonly<Record<string, unknown>>): Promise<Told>
  close(): Promise<void>
}

export type OpenClient = (baseUrl: string) => Client

/** A program that is there no more, or never was. */
export class Gone extends Error {
  override readonly name = 'Gone'
  readonly started: boolean

  constructor(message: string, started: boolean) {
    super(message)
    this.started = started
  }
}
