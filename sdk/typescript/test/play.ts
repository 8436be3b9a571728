import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { CallStep, Case, Expected, Step } from '../../cases/case.ts'
import type { CaseServer } from '../../cases/case-server.ts'
import { fits } from '../../cases/fits.ts'
import * as library from '../src/index.ts'
import { ApiError, FreddyAuth, type Message, memoryStore, type TokenStore } from '../src/index.ts'

type With = Readonly<Record<string, unknown>>

/** A client as a case describes it, and what it did that is not seen from outside. */
interface Player {
  readonly auth: FreddyAuth
  readonly store: TokenStore
  readonly server: CaseServer
  /** The pauses that it asked for, in seconds. */
  readonly waits: number[]
}

/** Goes through the steps of a case; the server's verdict is for the caller to read. */
export async function play({ client = {}, steps }: Case, server: CaseServer): Promise<void> {
  const { tokens, api_key: apiKey, rotate, timeout } = client
  const store = memoryStore(tokens ?? null)
  const waits: number[] = []
  const auth = new FreddyAuth({
    baseUrl: server.baseUrl,
    store,
    ...(apiKey ? { apiKey } : {}),
    ...(rotate ? { rotate } : {}),
    ...(timeout ? { timeoutMs: timeout * 1000 } : {}),
    wait: async (ms) => void waits.push(ms / 1000),
  })
  for (const [place, step] of steps.entries()) {
    const where = `step ${place + 1}: ${JSON.stringify(step)}`
    await take(step, { auth, store, server, waits }, where)
  }
}

async function take(step: Step, player: Player, where: string): Promise<void> {
  const { server, store, waits } = player
  if ('server' in step) return server[step.server]()
  if ('store' in step) return store.write(step.store)
  if ('holds' in step) return assert.deepEqual(await store.read(), step.holds, where)
  waits.splice(0)
  const calls = Array.from({ length: step.together ?? 1 }, () => outcomeOf(step, player.auth))
  for (const outcome of await Promise.all(calls)) compare(step, outcome, where)
  if (step.waits) compareWaits(step.waits, waits, where)
}

interface Outcome {
  readonly gave?: unknown
  readonly yielded: readonly unknown[]
  readonly threw?: unknown
}

async function outcomeOf(step: CallStep, auth: FreddyAuth): Promise<Outcome> {
  const yielded: unknown[] = []
  try {
    const gave = await make(step, auth, (event) => yielded.push(event))
    return { gave, yielded }
  } catch (threw) {
    return { threw, yielded }
  }
}

async function make(
  { call, with: fields = {} }: CallStep,
  auth: FreddyAuth,
  hear: (event: unknown) => void,
): Promise<unknown> {
  const calls: Readonly<Record<string, (fields: With) => unknown>> = {
    login: ({ email_or_username, password }) =>
      auth.login(String(email_or_username), String(password)),
    verify: ({ email_key, verification_code: code }) =>
      auth.verify(String(email_key), typeof code === 'number' ? code : String(code)),
    resend: ({ email_key }) => auth.resend(String(email_key)),
    beginDeviceLogin: ({ name, program }) =>
      auth.device.begin({ name: String(name), program: String(program) }),
    finishDeviceLogin: ({ device_code, interval }) =>
      auth.device.finish({ device_code: String(device_code), interval: Number(interval) }),
    refresh: () => auth.refresh(),
    logout: () => auth.logout(),
    getHeaders: () => auth.getHeaders(),
    createResponse: ({ model, messages }) =>
      auth.createResponse(String(model), messages as Message[]),
    streamResponse: async ({ model, messages }) => {
      const stream = auth.createResponse(String(model), messages as Message[], { stream: true })
      for await (const event of stream) hear(event)
    },
    listApiKeys: () => auth.apiKeys.list(),
  }
  const chosen = calls[call]
  assert.ok(chosen, `a case calls ${call}`)
  return chosen(fields)
}

function compare(step: CallStep, { gave, yielded, threw }: Outcome, where: string): void {
  if (threw !== undefined && !step.throws) throw threw
  if (step.throws) compareError(step.throws, threw, where)
  if (step.gives !== undefined) {
    assert.ok(fits(step.gives, gave), `${where}\ngave ${JSON.stringify(gave)}`)
  }
  const asTold = fits(step.yields ?? [], yielded)
  assert.ok(asTold, `${where}\nyielded ${JSON.stringify(yielded)}`)
}

function compareError({ kind, ...told }: Expected, threw: unknown, where: string): void {
  assert.ok(threw instanceof library.FreddyError, `${where}\nthrew ${String(threw)}`)
  const name = `${kind.replaceAll(/(?:^|_)(\w)/g, (_, letter) => letter.toUpperCase())}Error`
  const Kind = Object.entries(library).find(([exported]) => exported === name)?.[1]
  assert.ok(typeof Kind === 'function' && threw instanceof Kind, `${where}\nthrew ${threw.stack}`)
  const all = threw instanceof ApiError ? tellings(threw) : {}
  for (const [name, value] of Object.entries(told)) {
    assert.ok(isDeepStrictEqual(all[name], value), `${where}\n${name} is ${String(all[name])}`)
  }
}

function tellings({ code, status, retryAfter, requestId, reason }: ApiError): With {
  return { code, status, retry_after: retryAfter, request_id: requestId, reason }
}

function compareWaits(
  expected: readonly (readonly [number, number])[],
  waits: readonly number[],
  where: string,
): void {
  const asTold =
    waits.length === expected.length &&
    expected.every(([least, most], place) => {
      const wait = waits[place] ?? Number.NaN
      return wait >= least && wait <= most
    })
  assert.ok(asTold, `${where}\nwaited ${JSON.stringify(waits)}`)
}
