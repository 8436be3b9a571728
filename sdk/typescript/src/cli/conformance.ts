import { defineCommand } from 'citty'
import { examineServer, ruleNames } from '../conformance/examine-server.ts'
import type { Account } from '../conformance/founding-flow.ts'
import { watchInbox } from '../conformance/inbox.ts'
import { playScene, type Verdict } from '../conformance/play-scene.ts'
import { programOf } from '../conformance/program.ts'
import { Gone } from '../conformance/scene.ts'
import { scenes } from '../conformance/scenes.ts'
import { addressOf } from './place.ts'
import { openQuestions, type Questions } from './questions.ts'
import { answer, common, exits, paint, run, talk, WrongWords, waiting } from './shell.ts'

const STANDARD_SECONDS = '20'

/** What stands behind `--` is somebody's program with words of its own. */
export function wordsAndProgram(all: readonly string[]) {
  const place = all[0] === 'conformance' ? all.indexOf('--') : -1
  if (place < 0) return { words: all, program: [] }
  return { words: all.slice(0, place), program: all.slice(place + 1) }
}

interface ServerWords {
  readonly json: boolean
  readonly only?: string | undefined
  readonly email?: string | undefined
  readonly password?: string | undefined
  readonly 'inbox-url'?: string | undefined
}

interface ProgramWords {
  readonly json: boolean
  readonly core: boolean
  readonly only?: string | undefined
  readonly timeout: string
}

export function conformanceCommand(program: () => readonly string[]) {
  return defineCommand({
    meta: {
      name: 'conformance',
      description:
        'Whether a client keeps its promises (-- COMMAND ARGS), or a server the contract',
    },
    args: {
      core: { type: 'boolean', description: 'Only what every client keeps', default: false },
      only: { type: 'string', description: 'Names, with commas between them' },
      timeout: { type: 'string', description: 'Seconds for each scene', default: STANDARD_SECONDS },
      server: { type: 'string', description: 'In place of a program: the server to be asked' },
      email: { type: 'string', description: 'An account of that server, for the founding flow' },
      password: { type: 'string', description: 'Its password; asked for when absent' },
      'inbox-url': { type: 'string', description: 'Where its mails show; else the code is asked' },
      json: common.json,
    },
    run: async ({ args }) => {
      const isOne = Boolean(args.server) !== program().length > 0
      if (!isOne) throw new WrongWords('Name a program (-- COMMAND), or a server (--server)')
      if (args.server) await askAll(args, args.server)
      else await playAll(args, program())
    },
  })
}

async function playAll(args: ProgramWords, words: readonly string[]): Promise<void> {
  const timeoutMs = secondsOf(args.timeout) * 1000
  const ofThisSet = scenes.filter(({ core }) => core || !args.core)
  const chosen = chosenFrom(ofThisSet, args.only)
  const program = programOf(words)
  const verdicts: Verdict[] = []
  try {
    for (const scene of chosen) {
      const played = playScene(scene, program.open, timeoutMs)
      verdicts.push(await waiting(() => scene.name, played))
    }
  } catch (cause) {
    if (!(cause instanceof Gone)) throw cause
    throw new WrongWords(`The program does not start: ${cause.message}`)
  } finally {
    await program.close()
  }
  await run(args, async () => tell(args, verdicts))
}

async function askAll(args: ServerWords, server: string): Promise<void> {
  const names = ruleNames(Boolean(args.email)).map((name) => ({ name }))
  const chosen = chosenFrom(names, args.only).map(({ name }) => name)
  const isChosen = (name: string) => chosen.includes(name)
  await run(args, async () => {
    const address = addressOf(server)
    if (!args.email) {
      const examined = examineServer(address, null, isChosen)
      return tell(args, await waiting(() => 'Asking the server', examined))
    }
    const questions = openQuestions()
    try {
      const account = await accountOf(args, args.email, questions)
      tell(args, await examineServer(address, account, isChosen))
    } finally {
      questions.close()
    }
  })
}

async function accountOf(args: ServerWords, email: string, questions: Questions): Promise<Account> {
  const password = args.password ?? (await questions.askSecret('Password: '))
  const inbox = args['inbox-url']
  const code = inbox
    ? await watchInbox(inbox)
    : async () => (await questions.ask('Code: ')).replaceAll(/[\s-]/g, '')
  return { email, password, code }
}

/** Lines for people: those that passed by their name and promise, the others with what went wrong. */
function tell(args: { readonly json: boolean }, verdicts: readonly Verdict[]): void {
  const wrong = verdicts.filter(({ passed }) => !passed)
  const told = { passed: wrong.length === 0, verdicts }
  const lines = verdicts.map(({ name, passed, sentence }) => {
    const mark = passed ? paint('green', 'ok', process.stdout) : paint('red', 'no', process.stdout)
    return `${mark}  ${name}: ${sentence}`
  })
  answer(args, told, ...lines)
  if (wrong.length > 0) process.exitCode = exits.failure
  const counted = `${wrong.length} of ${verdicts.length} are not kept.`
  if (wrong.length > 0) talk(paint('red', counted))
  else talk(paint('green', `All ${verdicts.length} are kept.`))
}

function chosenFrom<Named extends { readonly name: string }>(
  all: readonly Named[],
  only: string | undefined,
): readonly Named[] {
  if (only === undefined) return all
  const names = only.split(',').map((name) => name.trim())
  const stranger = names.find((name) => !all.some((one) => one.name === name))
  if (stranger === undefined) return all.filter(({ name }) => names.includes(name))
  throw new WrongWords(
    `There is no ${stranger || 'nameless one'}: ${all.map(({ name }) => name).join(', ')}`,
  )
}

function secondsOf(text: string): number {
  const seconds = Number(text)
  if (text && seconds > 0 && seconds <= 600) return seconds
  throw new WrongWords('--timeout takes seconds, up to 600.')
}
