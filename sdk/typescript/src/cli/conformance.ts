import { defineCommand } from 'citty'
import { playScene, type Verdict } from '../conformance/play-scene.ts'
import { programOf } from '../conformance/program.ts'
import { Gone } from '../conformance/scene.ts'
import { scenes } from '../conformance/scenes.ts'
import { answer, common, exits, paint, run, talk, waiting } from './shell.ts'
import { WrongWords } from './words.ts'

const STANDARD_SECONDS = '20'

/** What stands behind `--` is somebody's program with words of its own. */
export function wordsAndProgram(all: readonly string[]) {
  const place = all[0] === 'conformance' ? all.indexOf('--') : -1
  if (place < 0) return { words: all, program: [] }
  return { words: all.slice(0, place), program: all.slice(place + 1) }
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
      description: 'Find out whether a client keeps its promises: conformance -- COMMAND ARGS',
    },
    args: {
      core: { type: 'boolean', description: 'Only what every client keeps', default: false },
      only: { type: 'string', description: 'Names, with commas between them' },
      timeout: { type: 'string', description: 'Seconds for each scene', default: STANDARD_SECONDS },
      json: common.json,
    },
    run: async ({ args }) => {
      if (program().length === 0) throw new WrongWords('Name a program: conformance -- COMMAND')
      await playAll(args, program())
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
