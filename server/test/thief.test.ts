import assert from 'node:assert/strict'
import { routes } from '../src/routes.ts'
import { type Freddy, MINUTE, PASSWORD, type Person, scene } from './freddy.ts'
import { type Dice, fitting, type Schema, seeded } from './fuzz-values.ts'

const SEED = 20_261_125
const STEPS = 1500
const LIMITS = ['requests', 'register-source', 'verify-source', 'refused-source', 'refresh']
  .map((name) => `${name}=off`)
  .join(',')

const signingIn = routes.filter(({ path }) => /auth\/(login|verify|resend-email)$/.test(path))

/** Whatever an answer gave away, to be tried at every other door. */
interface Loot {
  readonly words: Record<'keys' | 'tokens' | 'apiKeys' | 'ids' | 'codes', string[]>
  readonly mallory: Person
}

/**
 * A thief has Ada's password, a mailbox of their own, an account, sessions and keys of it, and all the time there is;
 * but not Ada's mailbox, nor what passes her second step.
 */
scene(
  'who has a password and nothing else gets no session, key or change of its account at any door',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const mallory = await freddy.person('mallory')
    const before = await accountOf(freddy, ada)
    const { token, refreshToken } = await freddy.signIn(mallory)
    const words = { keys: [], tokens: [token, refreshToken], apiKeys: [], ids: [ada.id], codes: [] }
    const loot: Loot = { words, mallory }
    const dice = seeded(SEED)
    const opened = new Set<string>()
    for (let step = 0; step < STEPS; step++) {
      const line = await tryDoor(freddy, dice, loot)
      if (line) opened.add(line)
      if (step % 10 === 0) freddy.pass(MINUTE)
      if (step % 50 === 0) await freshen(freddy, loot)
    }
    assert.ok(opened.size > 15, `the walk got through doors: ${[...opened].join(', ')}`)
    for (const table of ['sessions', 'api_keys', 'passkeys', 'totp_factors', 'recovery_codes']) {
      const [row] = await freddy.database.read<{ count: number }>(
        `SELECT count(*) AS count FROM ${table} WHERE user_id = :id`,
        { id: ada.id },
      )
      assert.equal(row?.count, 0, table)
    }
    assert.deepEqual(await accountOf(freddy, ada), before)
  },
  { env: { LIMITS } },
)

async function accountOf({ database }: Freddy, { id }: Person) {
  const [row] = await database.read<Record<string, unknown>>(
    `SELECT address, user_name, full_name, password_hash, role, disabled_at FROM users WHERE id = :id`,
    { id },
  )
  assert.ok(row)
  return row
}

/** One call at a door by chance, with what was taken at others. Answers the door's line when it opened. */
async function tryDoor(freddy: Freddy, dice: Dice, loot: Loot): Promise<string | null> {
  // Every other step is one of signing in: at all doors alike the two of them would hardly ever meet.
  const route = dice.pick(dice.below(2) ? routes : signingIn)
  const path = route.path
    .replace(':id', pickFrom(dice, loot.words.ids))
    .replace(':email_key', () => pickFrom(dice, loot.words.keys))
  const schema = route.body as Schema | undefined
  const lean = schema && dice.below(3) ? { ...schema, properties: leanProperties(schema) } : schema
  const body = lean ? furnished(fitting(lean, dice), '', dice, loot) : undefined
  const answer = await freddy.ask(`${route.method} ${path}`, {
    headers: credential(dice, loot),
    from: `203.0.113.${dice.below(200)}`,
    ...(body === undefined ? {} : { body }),
  })
  assert.ok(answer.status < 500, `${route.method} ${path}: ${answer.text}`)
  take(answer.text, loot)
  return answer.status < 300 ? `${route.method} ${route.path}` : null
}

/** The fields that a founding client sends. */
function leanProperties({ properties = {}, required = [] }: Schema): Schema['properties'] & object {
  const isUsual = (name: string) => required.includes(name) || name === 'verification_code'
  return Object.fromEntries(Object.entries(properties).filter(([name]) => isUsual(name)))
}

function credential(dice: Dice, { words }: Loot): Record<string, string> {
  const kind = dice.below(4)
  if (kind === 0) return {}
  if (kind === 1 && words.apiKeys.length) return { 'api-key': dice.pick(words.apiKeys) }
  return { authorization: `Bearer ${pickFrom(dice, words.tokens)}` }
}

/** A body that fits, with names, secrets and ids put in where their fields are. */
function furnished(value: unknown, name: string, dice: Dice, loot: Loot): unknown {
  const { words, mallory } = loot
  if (Array.isArray(value)) return value.map((each) => furnished(each, name, dice, loot))
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).map(([key, inner]) => [
      key,
      furnished(inner, key, dice, loot),
    ])
    return Object.fromEntries(entries)
  }
  if (/email_or_username|^email$|new_email|^user$/.test(name)) {
    return dice.pick(['ada@example.com', 'ada', mallory.email, mallory.userName])
  }
  if (/password/.test(name)) return PASSWORD
  if (name === 'email_key') return dice.pick(words.keys.slice(-4)) ?? 'none'
  if (name === 'verification_code') return Number(pickFrom(dice, words.codes)) || 1234
  if (/token/.test(name)) return pickFrom(dice, words.tokens)
  if (name === 'key') return pickFrom(dice, [...words.apiKeys, ...words.ids])
  return value
}

const pickFrom = (dice: Dice, list: readonly string[]) =>
  list.length ? dice.pick(list.slice(-30)) : 'none'

/** Keeps what may open something; a token of Ada's would be the end. */
function take(text: string, { words, mallory }: Loot): void {
  words.keys.push(...(text.match(/uuid-[0-9a-f-]{36}/g) ?? []))
  words.apiKeys.push(...(text.match(/ak_[A-Za-z0-9]{30,}/g) ?? []))
  words.ids.push(...(text.match(/\b(?:usr|ses|key|pkey|resp|use)_[0-9a-f]{32}\b/g) ?? []))
  for (const token of text.match(/ey[\w-]+\.ey[\w-]+\.[\w-]+/g) ?? []) {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    assert.equal(claims.sub, mallory.id, 'a token of somebody else')
    words.tokens.push(token)
  }
}

/** The thief reads their own mail and signs in anew: the walk ends their sessions, and deletes their account. */
async function freshen(freddy: Freddy, { words, mallory }: Loot): Promise<void> {
  await freddy.running.outbox.drain()
  words.codes.push(freddy.mail.codeFor(mallory.email) ?? '1234')
  const user = await freddy.running.app.store.users.find(mallory.id)
  if (!user) await freddy.person(mallory.userName)
  const begun = await freddy.login(mallory)
  if (begun.status !== 200) return
  const code = await freddy.codeFor(mallory.email)
  const entered = await freddy.verify(begun.body.email_key, Number(code))
  if (entered.status === 200) words.tokens.push(entered.body.token, entered.body.refreshToken)
}
