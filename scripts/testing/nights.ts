/** Tests that are played at length when nobody waits for them. */
export interface Night {
  readonly name: string
  /** Every choice of it follows from this word. */
  readonly seed: string
  /** Of servers that are killed at random; 0 where nothing is counted so. */
  readonly rounds: number
  /** For `node --test`. */
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Kill rounds of one run, on each of two databases: each run begins on empty ones. */
const ROUNDS = 25
const DATABASES = 2

const file = (name: string) => `server/test/${name}.test.ts`

/** So many kill rounds at least. */
export function roundsOf(rounds: number, seed: string): Night[] {
  const runs = Math.ceil(rounds / (ROUNDS * DATABASES))
  return Array.from({ length: runs }, (_, run) => ({
    name: 'F1 to F4, kill -9',
    // The first has the word itself: what was red is played again by the word it told.
    seed: run === 0 ? seed : `${seed}-${run}`,
    rounds: ROUNDS * DATABASES,
    words: ['--test-name-pattern=kill -9', file('faults')],
    env: { FAULT_ROUNDS: String(ROUNDS) },
  }))
}

/** The faults that are played once by day, or in part. */
export function nights(seed: string): Night[] {
  const scene = (name: string, words: readonly string[], env: Night['env'] = {}): Night => ({
    name,
    seed,
    rounds: 0,
    words,
    env,
  })
  return [
    scene(
      'F1 to F4, 450 moments',
      ['--test-name-pattern=what a kill would leave', file('faults')],
      { FAULT_ROUNDS: String(ROUNDS) },
    ),
    scene('F6, killed at every step', [file('crash-steps')], { FAULT_STEPS: '1' }),
    scene('F7, 200 power cuts', [file('power-cut')], { FAULT_CUTS: '200' }),
    scene('F14, 24 restarts of PostgreSQL', ['--test-name-pattern=F14', file('faults')], {
      FAULT_RESTARTS: '24',
    }),
    scene('F15, fail-over', [file('fail-over')]),
    scene('F8, F10, a disk that is full or dies', [file('full-disk')]),
    scene('F11, F13, a database that is held', [file('held-database')]),
    scene('F10, F16 to F18, a PostgreSQL in need', [file('postgres-faults')]),
    scene('F39 to F42, a PostgreSQL cut off', [file('more-postgres-faults')], { FAULT_STEPS: '1' }),
    scene('F43, a disk of PostgreSQL', [file('postgres-disk')]),
    scene('F44, files that were removed', [file('removed-files')]),
    scene('F34, killed while it migrates', [file('migrations')], { FAULT_ROUNDS: String(ROUNDS) }),
    scene('F36, back to a moment', [file('point-in-time')]),
    ...soaks(30, seed),
  ]
}

/** Strangers and sockets for so long, on each database: what a server holds has to stay the same. */
export function soaks(minutes: number, seed: string): Night[] {
  return ['SQLite', 'PostgreSQL'].map((database) => ({
    name: `F38, ${minutes} minutes on ${database}`,
    seed,
    rounds: 0,
    words: [`--test-name-pattern=${database}`, file('soak')],
    env: { SOAK_MINUTES: String(minutes) },
  }))
}
