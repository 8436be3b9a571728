import assert from 'node:assert/strict'
import { takeTurn } from '../src/auth/ceilings.ts'
import { noticeBombing } from '../src/auth/surge.ts'
import { type Freddy, HOUR, MINUTE, scene } from './freddy.ts'

const register = (freddy: Freddy, email: string, from: string) =>
  freddy.ask('POST /v1/auth/register', { body: { email, password: 'an uncommon sentence' }, from })

/** How many letters to strangers may leave now, one each to these addresses. */
async function leaving(freddy: Freddy, addresses: readonly string[]): Promise<number> {
  const { app } = freddy.running
  const facts = { address: '192.0.2.1', agent: 'curl', at: freddy.now() }
  const turns = []
  for (const to of addresses) {
    turns.push(await takeTurn(app, 'invitation', { to, facts }, freddy.now()))
  }
  return turns.filter(({ waitMs }) => waitMs === 0).length
}

const people = (count: number, domainOf: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => `p${index}@${domainOf(index)}`)

scene('many letters to one domain go slower and slower ones get through', async (freddy) => {
  assert.equal(
    await leaving(
      freddy,
      people(70, () => 'victim.example'),
    ),
    60,
  )
  freddy.pass(MINUTE)
  assert.equal(
    await leaving(
      freddy,
      people(5, () => 'victim.example'),
    ),
    1,
  )
  assert.equal(
    await leaving(
      freddy,
      people(5, () => 'other.example'),
    ),
    5,
  )
  assert.equal(
    await leaving(
      freddy,
      people(80, () => 'gmail.com'),
    ),
    80,
    'half the world is there',
  )
})

scene(
  'the whole server writes to so many strangers a minute, and people who signed in do not wait',
  async (freddy) => {
    const ada = await freddy.person('ada')
    for (const name of ['zoe', 'yan']) await register(freddy, `${name}@${name}.example`, '10.0.0.1')
    await freddy.running.outbox.drain()
    assert.equal(freddy.mail.mails.length, 1)
    await freddy.signIn(ada)
    assert.equal(freddy.mail.mails.length, 2)
    freddy.pass(MINUTE)
    await freddy.running.outbox.drain()
    assert.equal(freddy.mail.mails.length, 3)
  },
  { env: { MAILS_PER_MINUTE: '1' } },
)

scene('a letter that the mail server put off is counted once', async (freddy) => {
  freddy.mail.behaviour.delays = 3
  await register(freddy, 'zoe@zoe.example', '10.0.0.1')
  for (let round = 0; round < 5; round++) {
    await freddy.running.outbox.drain()
    freddy.pass(10_000)
  }
  assert.equal(freddy.mail.mails.length, 1)
  const rows = await freddy.database.read<{ log: string }>(
    "SELECT log FROM budgets WHERE name LIKE 'letters-%'",
  )
  assert.deepEqual(
    rows.map(({ log }) => log.length),
    [13, 13, 13],
  )
})

scene('one address gets a hundred letters a day, whatever they are', async (freddy) => {
  const { app } = freddy.running
  const facts = { address: '192.0.2.1', agent: 'curl', at: freddy.now() }
  let waitMs = 0
  for (let count = 0; count < 101; count++) {
    const composed = { to: 'ada@example.com', facts }
    waitMs = (await takeTurn(app, 'factors', composed, freddy.now())).waitMs
    if (count < 100) assert.equal(waitMs, 0)
  }
  assert.equal(waitMs, 24 * HOUR)
})

scene(
  'registrations that nobody finishes are noticed, and letters to strangers share a few a minute',
  async (freddy) => {
    const { app } = freddy.running
    for (let count = 0; count < 3; count++) {
      await register(freddy, `v@v${count}.example`, `10.0.${count}.1`)
    }
    await noticeBombing(app, freddy.now())
    assert.equal(
      await leaving(
        freddy,
        people(20, (index) => `d${index}.example`),
      ),
      20,
    )
    await noticeBombing(app, freddy.now(), 2)
    await noticeBombing(app, freddy.now(), 2)
    assert.equal(
      await leaving(
        freddy,
        people(20, (index) => `e${index}.example`),
      ),
      6,
    )
    const told = await freddy.database.read(
      "SELECT id FROM audit_events WHERE event = 'mail.bombing_suspected'",
    )
    assert.equal(told.length, 1)
    freddy.pass(HOUR)
    assert.equal(
      await leaving(
        freddy,
        people(20, (index) => `f${index}.example`),
      ),
      20,
    )
  },
)

scene('registrations that people finish are no attack', async (freddy) => {
  const { app } = freddy.running
  const { body } = await register(freddy, 'zoe@zoe.example', '10.0.0.1')
  await freddy.verify(body.email_key, Number(await freddy.codeFor('zoe@zoe.example')))
  await noticeBombing(app, freddy.now(), 0)
  assert.equal(
    await leaving(
      freddy,
      people(20, (index) => `d${index}.example`),
    ),
    20,
  )
})
