import { type CaseServer, playCase } from '../../../cases/case-server.ts'
import { fits } from '../../../cases/fits.ts'
import {
  type Client,
  type ClientStep,
  Gone,
  type OpenClient,
  type Scene,
  type SceneStep,
  type Told,
} from './scene.ts'

export interface Verdict {
  readonly name: string
  readonly passed: boolean
  /** What was expected, and what the client did. */
  readonly sentence: string
}

/** Plays one scene with a client of its own; a client that does not come to an end is not waited for. */
export async function playScene(
  scene: Scene,
  openClient: OpenClient,
  timeoutMs: number,
  now?: () => number,
): Promise<Verdict> {
  const server = await playCase(scene, now)
  const client = openClient(server.baseUrl)
  const bound = boundOf(timeoutMs)
  try {
    const wrong = await firstWrong(scene, client, server, bound.over)
    const [problem] = server.problems()
    // What it sent explains what it told.
    return verdictOf(scene, wrong?.late ? wrong.sentence : (problem ?? wrong?.sentence ?? null))
  } finally {
    bound.clear()
    // Its connections are broken first, so that nothing keeps a program from its end.
    await server.down()
    await client.close()
  }
}

function verdictOf({ name, promise }: Scene, did: string | null): Verdict {
  const sentence = did === null ? `${promise}.` : `expected that ${promise}, but ${did}.`
  return { name, passed: did === null, sentence }
}

interface Wrong {
  readonly sentence: string
  /** It gave no answer, so that what it left out says little. */
  readonly late: boolean
}

async function firstWrong(
  { steps }: Scene,
  client: Client,
  server: CaseServer,
  over: Promise<Wrong>,
): Promise<Wrong | null> {
  for (const step of steps) {
    if (isServerStep(step)) {
      await server[step.server]()
      continue
    }
    const wrong = await Promise.race([wrongIn(client, step), over])
    if (wrong) return { ...wrong, sentence: `${wrong.sentence} ${step.do}` }
  }
  return null
}

/** A program that never started is for the caller: it says nothing about a client. */
async function wrongIn(client: Client, { tells, ...step }: ClientStep): Promise<Wrong | null> {
  try {
    const sentence = differenceOf(tells, await client.take(step))
    return sentence ? { sentence, late: false } : null
  } catch (cause) {
    if (!(cause instanceof Gone && cause.started)) throw cause
    return { sentence: `the client ${cause.message} before it answered`, late: true }
  }
}

function isServerStep(step: SceneStep): step is { readonly server: 'down' | 'up' } {
  return 'server' in step
}

function differenceOf(tells: ClientStep['tells'] = { ok: true }, told: Told): string | null {
  if (tells === 'either' || fits(tells, told)) return null
  const [said, wanted] = [told, tells].map((each) => JSON.stringify(each))
  return `the client said ${said} in place of ${wanted} to`
}

function boundOf(timeoutMs: number) {
  let clear = () => {}
  const sentence = `the client took more than ${timeoutMs / 1000} s up to`
  const over = new Promise<Wrong>((resolve) => {
    const clock = setTimeout(() => resolve({ sentence, late: true }), timeoutMs)
    clear = () => clearTimeout(clock)
  })
  return { over, clear }
}
