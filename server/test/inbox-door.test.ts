import assert from 'node:assert/strict'
import { type Freddy, scene } from './freddy.ts'

const local = { SMTP_URL: '', PUBLIC_URL: 'http://localhost:3000' }

function wordOf(freddy: Freddy): string {
  const word = freddy.running.inbox?.word
  assert.ok(word)
  return word
}

const open = (freddy: Freddy, headers: Record<string, string> = {}, from?: string) =>
  freddy.ask('GET /dev/inbox', {
    headers: { host: 'localhost', cookie: `freddy_inbox=${wordOf(freddy)}`, ...headers },
    ...(from ? { from } : {}),
  })

scene(
  'attack 113: the inbox opens to its word alone, and then to its cookie',
  async (freddy) => {
    for (const query of ['', '?word=', '?word=guess', `?word=${'A'.repeat(16)}`]) {
      assert.equal((await freddy.ask(`GET /dev/inbox${query}`)).status, 404, query)
    }
    for (const cookie of ['', 'freddy_inbox=', 'freddy_inbox=guess', `other=${wordOf(freddy)}`]) {
      assert.equal((await open(freddy, { cookie })).status, 404, cookie)
    }
    const first = await freddy.ask(`GET /dev/inbox?word=${wordOf(freddy)}`)
    assert.equal(first.status, 303)
    assert.equal((await open(freddy)).status, 200)
  },
  { env: local },
)

scene(
  'attack 113: the cookie of the inbox is for its pages alone, and a mail in it runs nothing',
  async (freddy) => {
    const first = await freddy.ask(`GET /dev/inbox?word=${wordOf(freddy)}`)
    const cookie = String(first.headers['set-cookie'])
    for (const flag of ['HttpOnly', 'SameSite=Strict', 'Path=/dev/inbox']) {
      assert.ok(cookie.includes(flag), flag)
    }
    const { headers } = await open(freddy)
    assert.match(String(headers['content-security-policy']), /default-src 'none'/)
    assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/)
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(String(headers['content-security-policy']).includes('unsafe'), false)

    await freddy.ask('POST /v1/auth/register', {
      body: { email: 'ada@example.com', password: 'a long sentence of mine' },
    })
    await freddy.running.outbox.drain()
    const own = { host: 'localhost', cookie: `freddy_inbox=${wordOf(freddy)}` }
    const newest = await freddy.ask('GET /dev/inbox/newest', { headers: own })
    const [, place] = /^<(mail_\w+)@/.exec(newest.body.id) ?? []
    const path = `GET /dev/inbox/mail/${place}`
    const mail = await freddy.ask(path, { headers: own })
    assert.match(mail.text, /\d{8}/)
    assert.match(String(mail.headers['content-security-policy']), /default-src 'none'.*sandbox/)
    assert.equal((await freddy.ask(path)).status, 404)
    assert.equal((await freddy.ask('GET /dev/inbox/newest')).status, 404)
  },
  { env: local },
)

scene(
  'attack 113: the inbox is not read through a proxy that forwarded the call',
  async (freddy) => {
    for (const name of ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-port']) {
      assert.equal((await open(freddy, { [name]: '127.0.0.1' })).status, 404, name)
    }
  },
  { env: local },
)

scene(
  'attack 113: the inbox is not read from elsewhere',
  async (freddy) => {
    assert.equal((await open(freddy, {}, '192.0.2.1')).status, 404)
  },
  { env: local },
)

scene(
  'attack 113: there is no inbox with trusted proxies',
  async (freddy) => {
    assert.equal((await open(freddy)).status, 404)
  },
  { env: { ...local, TRUSTED_PROXIES: '10.0.0.0/8' } },
)

scene(
  'attack 113: there is no inbox on a public address',
  async (freddy) => {
    assert.equal((await open(freddy)).status, 404)
  },
  { env: { SMTP_URL: '' } },
)
