import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { readFirebaseParameters } from '../src/import/firebase-parameters.ts'
import { importUsers } from '../src/import/import-users.ts'
import { jsonRows } from '../src/import/json-rows.ts'
import type { LeftOut, Wishes } from '../src/import/judge.ts'
import { openImport } from '../src/import/open-import.ts'
import { exports_ } from './exports.ts'
import { aBcryptHash, FIREBASE } from './foreign-hashes.ts'
import { type Freddy, PASSWORD, scene } from './freddy.ts'
import { shellBeside, shellOn } from './shell.ts'

const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
const firebase = { ...FIREBASE, rounds: 8, memCost: 14 }

function fileOf(context: TestContext, text: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'export')
  writeFileSync(path, text)
  return path
}

/** Imports a text in this process, as the command does in its own. */
async function bring(
  freddy: Freddy,
  context: TestContext,
  text: string,
  { format = 'auto', ...wishes }: Partial<Wishes> & { format?: string } = {},
) {
  const { app } = freddy.running
  const now = freddy.now()
  const from = await openImport(fileOf(context, text), format, { firebase, now })
  const left: LeftOut[] = []
  const acting = { app, origin, now, actor: 'shell' }
  const standard = { isRehearsal: false, withoutNames: false, resetUnreadable: false }
  const tally = await importUsers(acting, from, { ...standard, ...wishes }, (out) => left.push(out))
  return { tally, left, format: from.format }
}

const table = (...rows: readonly string[]) => ['email,username,password_hash', ...rows].join('\n')
const everybody = async (freddy: Freddy) =>
  (await freddy.database.read('SELECT * FROM users ORDER BY id')).map((row) => ({ ...row }))

scene(
  'people of every server come in, and sign in with their old password',
  async (freddy, context) => {
    let from = 0
    for (const [name, { text, people, hashes }] of Object.entries(exports_)) {
      const { tally, format } = await bring(freddy, context, text)
      assert.equal(format, name.split(',')[0], name)
      assert.equal(tally.arrived, people.length, name)
      assert.equal(
        [...tally.withPassword.values()].reduce((sum, count) => sum + count, 0),
        hashes,
        name,
      )
      for (const person of people.slice(0, hashes)) {
        const email = `${person}@example.com`
        const answer = await freddy.login({ email }, { from: `10.1.0.${++from}` })
        assert.equal(answer.status, 200, `${name}: ${person}`)
      }
      for (const person of people) {
        const wrong = { email: `${person}@example.com`, password: 'not the password' }
        assert.equal((await freddy.login(wrong, { from: `10.1.0.${++from}` })).status, 401, person)
      }
    }
    const find = (address: string) => freddy.running.app.store.users.findByAddress(address)
    const cat = await find('cat@example.com')
    assert.deepEqual([cat?.user_name, cat?.full_name, cat?.role], ['cat-1', 'Cat Clerk', 'user'])
    assert.equal((await find('fay@example.com'))?.created_at, 1_600_000_000_000)
    assert.equal((await find('sue@example.com'))?.full_name, 'Sue, Supabase')
    assert.equal((await find('kai@example.com'))?.user_name, 'kai')
    assert.equal((await find('lou@example.com'))?.full_name, 'Lou; last')
  },
)

scene('a rehearsal says what an import then does, and changes nothing', async (freddy, context) => {
  const text = table(
    `ada@example.com,ada,${aBcryptHash}`,
    'bob@example.com,,',
    'cleo@@example.com,,',
    `dora@example.com,,${aBcryptHash.replace('$04$', '$14$')}`,
  )
  const rehearsed = await bring(freddy, context, text, { isRehearsal: true })
  assert.deepEqual(await everybody(freddy), [])
  assert.deepEqual(await freddy.database.read('SELECT id FROM audit_events'), [])
  assert.deepEqual([rehearsed.tally.arrived, rehearsed.tally.left], [2, 2])
  assert.deepEqual(await bring(freddy, context, text), rehearsed)
  const events = await freddy.database.read('SELECT event, reason, actor FROM audit_events')
  assert.deepEqual(
    events.map((row) => ({ ...row })),
    [1, 2].map(() => ({ event: 'user.imported', reason: 'csv', actor: 'shell' })),
  )
})

scene('an import adds nobody twice, and changes nobody who is here', async (freddy, context) => {
  const ada = await freddy.person('ada')
  const text = table(
    `ada@example.com,ada,${aBcryptHash}`,
    `bob@example.com,bob,${aBcryptHash}`,
    `cleo@example.com,ROOTS,${aBcryptHash}`,
  )
  await freddy.person('roots')
  const first = await bring(freddy, context, text)
  const after = await everybody(freddy)
  assert.deepEqual([first.tally.arrived, first.tally.here, first.tally.left], [1, 1, 1])
  assert.deepEqual(
    first.left.map(({ line, reason }) => [line, reason]),
    [
      [2, 'has an account already'],
      [4, 'the user name roots is taken'],
    ],
  )
  const again = await bring(freddy, context, text)
  assert.deepEqual([again.tally.arrived, again.tally.here, again.tally.left], [0, 2, 1])
  assert.deepEqual(await everybody(freddy), after)
  assert.equal((await freddy.login(ada)).status, 200)
})

scene(
  'who comes without a password chooses one by mail; who was disabled stays it',
  async (freddy, context) => {
    const text = [
      'email,password_hash,disabled',
      'ada@example.com,,',
      `bob@example.com,${aBcryptHash},true`,
    ].join('\n')
    await bring(freddy, context, text)
    const email = 'ada@example.com'
    assert.equal((await freddy.login({ email })).status, 401)
    assert.equal((await freddy.login({ email: 'bob@example.com' })).status, 401)
    const { body } = await freddy.ask('POST /v1/auth/password/reset', { body: { email } })
    const verification_code = Number(await freddy.codeFor(email))
    const chosen = { email_key: body.email_key, verification_code, new_password: 'a quite new one' }
    const reset = await freddy.ask('POST /v1/auth/password/reset/verify', { body: chosen })
    assert.equal(reset.status, 200, reset.text)
    assert.equal((await freddy.login({ email, password: 'a quite new one' })).status, 200)
  },
)

scene('two imports of one file at once bring everybody once', async (freddy, context) => {
  const rows = Array.from({ length: 450 }, (_, index) => `p${index}@example.com,,`)
  const runs = [1, 2].map(() => bring(freddy, context, table(...rows)))
  const came = (await Promise.all(runs)).map(({ tally }) => tally.arrived)
  assert.equal(
    came.reduce((sum, count) => sum + count, 0),
    450,
  )
  assert.equal((await everybody(freddy)).length, 450)
  const events = await freddy.database.read('SELECT id FROM audit_events')
  assert.equal(events.length, 450)
})

scene(
  'every row that does not come in is named with its line and its reason',
  async (freddy, context) => {
    const text = table(
      'ada@example.com,ada,',
      ',,',
      'no address,,',
      'ADA@example.com,,',
      'bob@example.com,Ada,',
      'cleo@example.com,admin,',
      'dora@example.com,,5f4dcc3b5aa765d61d8327deb882cf99',
      '"emil@example.com",,"$argon2id$v=19$m=9999999,t=2,p=1$c2l4dGVlbiBieXRlcyBvZg$78lt6YK3eCTaGFzNRVg2bWWTWl2BHSO9N5GYNeREFBc"',
      'fritz@example.com,fritz@example.com,',
      '"gerd@example.com,,',
    )
    const { left, tally } = await bring(freddy, context, text)
    assert.deepEqual(
      left.map(({ line, reason }) => `${line}: ${reason}`),
      [
        '3: has no e-mail address',
        '4: is no e-mail address that can be mailed to',
        '5: stands in the file before, in line 2',
        '6: the user name ada is that of line 2 already',
        '7: the user name admin is none that one may have here',
        '8: its hash is of a kind that is not known here',
        '9: its hash costs more than a sign-in may',
        '11: cannot be read: Quote Not Closed: the parsing is finished with an opening quote at line 11',
      ],
    )
    assert.equal(tally.arrived, 2)
    const lenient = { resetUnreadable: true, withoutNames: true }
    const second = await bring(freddy, context, text, lenient)
    assert.equal(second.tally.arrived, 4)
    assert.deepEqual([...second.tally.withoutPassword.keys()].sort(), [
      'its hash costs more than a sign-in may',
      'its hash is of a kind that is not known here',
      'no password in the export',
    ])
  },
)

scene('broken JSON spoils the rows that are broken, and no other', async (freddy, context) => {
  const good = (name: string) =>
    `{"email": "${name}@example.com", "note": "a } b { c \\" [", "x": [{}]}`
  const inLines = [good('ada'), '{"email": "bob', 'null', '[]', '', good('cleo')].join('\n')
  const one = await bring(freddy, context, inLines)
  assert.deepEqual(
    one.left.map(({ line, reason }) => [line, reason]),
    [
      [2, 'is not JSON'],
      [3, 'is not JSON'],
      [4, 'is not JSON'],
    ],
  )
  const inList = `[\n${good('dora')},\n7, "x",\n{"email": nonsense},\n\n${good('emil')},\n{"email": "f`
  const two = await bring(freddy, context, inList)
  assert.deepEqual(
    two.left.map(({ line, reason }) => [line, reason]),
    [
      [3, 'is no object'],
      [3, 'is no object'],
      [4, 'is not JSON'],
      [7, 'is cut off: the file ends in the middle of it'],
    ],
  )
  const addresses = (await everybody(freddy)).map(({ address }) => String(address).split('@')[0])
  assert.deepEqual(addresses.sort(), ['ada', 'cleo', 'dora', 'emil'])
})

test('rows are found in JSON wherever the file is cut into pieces', async () => {
  const person = fc.record({
    email: fc.string(),
    list: fc.array(fc.dictionary(fc.string(), fc.json())),
  })
  const laidOut = fc.constantFrom(null, 2)
  await fc.assert(
    fc.asyncProperty(
      fc.array(person),
      laidOut,
      fc.integer({ min: 1, max: 40 }),
      async (people, indent, size) => {
        const wrapped = { other: people, users: people, more: { users: [1] } }
        const lines = people.map((each) => JSON.stringify(each)).join('\n')
        const files = [
          [JSON.stringify(people, null, indent ?? 0), 'objects'],
          [JSON.stringify(wrapped, null, indent ?? 0), ['users']],
          [lines, 'lines'],
          [lines, 'objects'],
        ] as const
        for (const [text, layout] of files) {
          const found: unknown[] = []
          for await (const row of jsonRows(pieces(text, size), layout))
            found.push(JSON.parse(row.text))
          assert.deepEqual(found, JSON.parse(JSON.stringify(people)))
        }
      },
    ),
    { numRuns: 20, seed: 20_261_123 },
  )
})

test('a row without an end is not held in memory, and is reported', async () => {
  async function* endless() {
    yield '[{"email": "'
    for (let piece = 0; piece < 300; piece++) yield 'x'.repeat(10_000)
    yield '"},\n{"email": "ada@example.com"}]'
  }
  for (const layout of ['objects', 'lines'] as const) {
    const rows = []
    for await (const row of jsonRows(endless(), layout)) rows.push(row)
    assert.equal(rows[0]?.problem, 'is larger than a megabyte', layout)
    assert.equal(rows[1]?.line, 2, layout)
  }
})

async function* pieces(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

scene(
  'the command rehearses, imports, and tells a script whether all came in',
  async (freddy, context) => {
    const run = (path: string, ...words: string[]) =>
      shellBeside(freddy, ['users', 'import', path, ...words])
    const good = fileOf(context, table(`ada@example.com,ada,${aBcryptHash}`))
    const rehearsed = run(good, '--rehearse')
    assert.equal(rehearsed.status, 0, rehearsed.text)
    assert.match(rehearsed.stdout, /A rehearsal of csv: nothing was changed\./)
    assert.deepEqual(await everybody(freddy), [])

    const bad = fileOf(context, table(`ada@example.com,ada,${aBcryptHash}`, '\u001b[31m@x,,'))
    const partly = run(bad)
    assert.equal(partly.status, 1)
    assert.match(partly.stdout, /^line 3: \?\[31m@x: is no e-mail address that can be mailed to$/m)
    assert.match(partly.stdout, /^ +1 {2}of 2 came in$/m)
    assert.equal((await freddy.login({ as: 'ada', password: PASSWORD })).status, 200)

    const again = run(bad, '--allow-partial', '--json')
    assert.equal(again.status, 0, again.text)
    const told = again.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      told.map(({ line, state }) => [line, state]),
      [
        [2, 'here'],
        [3, 'left_out'],
        [undefined, undefined],
      ],
    )
    assert.deepEqual([told[2].arrived, told[2].here, told[2].left], [0, 1, 1])
  },
)

test('a file that cannot be imported is refused with a sentence that says what to do', async (context) => {
  const open = (text: string | Buffer, format = 'auto') =>
    openImport(fileOf(context, text), format, { firebase, now: 0 })
  await assert.rejects(open(''), /is empty/)
  await assert.rejects(open(Buffer.from('email\na@b.c', 'utf16le')), /is not UTF-8 text/)
  await assert.rejects(open(table(), 'cognito'), /--format takes auto, auth0/)
  const nowhere = openImport('/nowhere/at-all', 'auto', { firebase, now: 0 })
  await assert.rejects(nowhere, /There is no file \/nowhere\/at-all/)
})

test('Firebase brings its parameters as its console shows them, and none are guessed', (context) => {
  const none = {
    signerKey: undefined,
    saltSeparator: undefined,
    rounds: undefined,
    memCost: undefined,
  }
  const shown = `hash_config {
  algorithm: SCRYPT,
  base64_signer_key: ${FIREBASE.signerKey},
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}`
  const { signerKey, saltSeparator } = FIREBASE
  assert.deepEqual(readFirebaseParameters(fileOf(context, shown), none), {
    signerKey,
    saltSeparator,
    rounds: 8,
    memCost: 14,
  })
  const given = { ...none, signerKey, memCost: '15' }
  assert.equal(readFirebaseParameters(undefined, given)?.memCost, 15)
  assert.equal(readFirebaseParameters(undefined, none), null)
  assert.throws(() => readFirebaseParameters(fileOf(context, 'x'), none), /base64_signer_key/)
  assert.throws(() => readFirebaseParameters('/nowhere', none), /There is no file/)
  assert.throws(
    () => readFirebaseParameters(undefined, { ...given, rounds: 'many' }),
    /--firebase-rounds/,
  )

  const dataDir = mkdtempSync(join(tmpdir(), 'freddy-'))
  context.after(() => rmSync(dataDir, { recursive: true, force: true }))
  const words = ['users', 'import', fileOf(context, exports_.firebase?.text ?? '')]
  const refused = shellOn({ databaseUrl: null, dataDir }, words)
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /--firebase-parameters FILE/)
})
