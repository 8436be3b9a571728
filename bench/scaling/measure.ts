import { makeCluster } from '../../scripts/testing/postgres-cluster.ts'
import { openFreshPostgres } from '../../server/test/databases.ts'
import { type Freddy, startFreddy } from '../../server/test/freddy.ts'
import { type Cost, costOf } from './costs.ts'

const TIMES = 200
const LIMITS = 'requests=off,register-source=off,verify-source=off,refresh=off'
/** All are new within a minute, each in a domain of their own: more letters than are sent to strangers as it comes. */
const ENV = { LIMITS, LOG_LEVEL: 'error', MAILS_PER_MINUTE: '600' }
const PASSWORD = 'correct horse battery staple'

export interface Measured {
  /** By what somebody does. */
  readonly costs: ReadonlyMap<string, Cost>
  /** Bytes of a row with its indexes, by table. */
  readonly rowBytes: ReadonlyMap<string, number>
}

interface Person {
  key: string
  token: string
  refreshToken: string
  apiKeyId: string
  apiKey: string
}

type Post = (path: string, body: object, token?: string) => Promise<Record<string, string>>

/** A server with a PostgreSQL of its own, in which so many people do everything once. */
export async function measure(): Promise<Measured> {
  const cluster = await makeCluster()
  await cluster.start()
  const place = await openFreshPostgres(cluster.url)
  const freddy = await startFreddy(place.url, 'PostgreSQL', { env: ENV })
  try {
    const costs = new Map<string, Cost>()
    await doEverything({ ...freddy, database: place.database }, async (name, work) => {
      process.stderr.write(`${name} …\n`)
      costs.set(name, await costOf(place.database, TIMES, work))
    })
    return { costs, rowBytes: await rowBytesOf(place.database) }
  } finally {
    await freddy.running.close()
    await freddy.mail.close()
    await place.drop()
    await cluster.stop()
  }
}

async function doEverything(
  freddy: Freddy,
  cost: (name: string, work: (turn: number) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const emailOf = (turn: number) => `ada@p${turn}.example`
  const { drain } = freddy.running.outbox
  const post: Post = async (path, body, token) => {
    const answer = await freddy.ask(`POST ${path}`, { body, ...(token ? { token } : {}) })
    if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`)
    return answer.body
  }
  const people = Array.from({ length: TIMES }, (): Person => {
    return { key: '', token: '', refreshToken: '', apiKeyId: '', apiKey: '' }
  })
  const of = (turn: number): Person => people[turn] ?? ({} as Person)
  const enter = async (turn: number) => {
    const code = freddy.mail.codeFor(emailOf(turn))
    const proof = { email_key: of(turn).key, verification_code: code }
    Object.assign(of(turn), await post('/v1/auth/verify', proof))
  }
  const remember = (turn: number, { email_key }: Record<string, string>) =>
    Object.assign(of(turn), { key: email_key })

  await cost('register', async (turn) =>
    remember(turn, await post('/v1/auth/register', { email: emailOf(turn), password: PASSWORD })),
  )
  await cost('send a letter', (turn) => (turn === 0 ? drain() : Promise.resolve()))
  await cost('verify a registration', enter)
  freddy.pass(120_000)
  await cost('sign in by password', async (turn) =>
    remember(
      turn,
      await post('/v1/auth/login', { email_or_username: emailOf(turn), password: PASSWORD }),
    ),
  )
  await drain()
  await cost('verify a sign-in', enter)
  await cost('refresh', (turn) =>
    post('/v1/auth/refresh', { refresh_token: of(turn).refreshToken }),
  )
  await cost('refresh and rotate', async (turn) => {
    const body = { refresh_token: of(turn).refreshToken, rotate: true }
    Object.assign(of(turn), await post('/v1/auth/refresh', body))
  })
  await cost('make a key', async (turn) => {
    const { id: apiKeyId, key: apiKey } = await post('/v1/api-keys', { name: 'k' }, of(turn).token)
    Object.assign(of(turn), { apiKeyId, apiKey })
  })
  const validate = (token: string) => freddy.ask('GET /v1/auth/validate', { token })
  await cost('check a token, read from the database', (turn) => {
    freddy.pass(1001)
    return validate(of(turn).token)
  })
  await cost('check a token, remembered', () => validate(of(0).token))
  const call = (turn: number) =>
    freddy.ask('POST /v1/responses', {
      body: { model: 'echo-1', input: 'Hello dear world' },
      headers: { 'api-key': of(turn).apiKey },
    })
  await cost('call a model', async (turn) => {
    await call(turn)
    if (turn % 50 === 49) await freddy.running.app.usage.flush()
  })
  await cost('revoke a key', (turn) =>
    freddy.ask(`DELETE /v1/api-keys/${of(turn).apiKeyId}`, { token: of(turn).token }),
  )
  await cost('sign out', (turn) => post('/v1/auth/logout', {}, of(turn).token))
}

async function rowBytesOf(database: Freddy['database']): Promise<Map<string, number>> {
  const rows = await database.read<{ name: string; bytes: number }>(
    `SELECT relname AS name, pg_total_relation_size(relid) / n_live_tup AS bytes
     FROM pg_stat_user_tables WHERE n_live_tup >= ${TIMES} ORDER BY relname`,
  )
  return new Map(rows.map(({ name, bytes }) => [name, Number(bytes)]))
}
