import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWindow } from '../../../server/test/browser-window.ts'
import { type Freddy, type Person, scene } from '../../../server/test/freddy.ts'
import { playCase } from '../../cases/case-server.ts'
import { InvalidRequestError } from '../src/index.ts'
import { shellOf } from './cli.ts'
import { clientOf } from './server.ts'

async function answered(freddy: Freddy, who: Person, code: string, answer: string) {
  const window = openWindow(freddy)
  await window.post('/sign-in', { email_or_username: who.email, password: who.password })
  const verification_code = await freddy.codeFor(who.email)
  await window.post('/sign-in/code', { verification_code })
  const { status, text } = await window.post('/device/answer', { user_code: code, answer })
  assert.equal(status, 200, text)
}

scene('a device waits as long as it is told to, and is signed in', async (freddy) => {
  const ada = await freddy.person('ada')
  const pauses: number[] = []
  let code = ''
  const wait = async (ms: number) => {
    pauses.push(ms)
    // The second poll comes too soon, and before the fourth its person answers.
    freddy.pass(pauses.length === 2 ? 1000 : ms)
    if (pauses.length === 4) await answered(freddy, ada, code, 'allow')
  }
  const auth = await clientOf(freddy, { wait })
  const asked = await auth.device.begin({ name: 'Laptop', program: 'freddy' })
  code = asked.user_code
  const { refreshToken } = await auth.device.finish(asked)
  assert.deepEqual(pauses, [5000, 5000, 10_000, 10_000])
  assert.ok(refreshToken)
  assert.equal((await auth.me()).email, ada.email)
  const { data } = await auth.sessions.list()
  assert.equal(data.find(({ current }) => current)?.device_name, 'Laptop')
})

scene('a device that was turned away says so', async (freddy) => {
  const ada = await freddy.person('ada')
  const pauses: number[] = []
  const wait = async (ms: number) => {
    pauses.push(ms)
    freddy.pass(ms)
  }
  const auth = await clientOf(freddy, { wait })
  const asked = await auth.device.begin()
  await answered(freddy, ada, asked.user_code, 'deny')
  const isDenied = (cause: unknown) =>
    cause instanceof InvalidRequestError && cause.code === 'ACCESS_DENIED'
  // RFC 8628: where no interval is named it is five seconds.
  const { device_code } = asked
  await assert.rejects(auth.device.finish({ device_code }), isDenied)
  assert.deepEqual(pauses, [5000])
})

test('freddy login --device shows code, words and address, and waits', async (context) => {
  const asked = {
    device_code: 'of the device',
    user_code: 'BCDF-GHJK',
    pairing_phrase: 'lemon harbour piano fern',
    verification_uri: 'https://auth.example.com/device',
    verification_uri_complete: 'https://auth.example.com/device?user_code=BCDF-GHJK',
    expires_in: 600,
    interval: 0,
  }
  const pending = { error: { code: 'AUTHORIZATION_PENDING', message: 'Not yet', status: 400 } }
  const tokens = { token: 'token of ada', refreshToken: 'refresh of ada' }
  const server = await playCase({
    server: [
      { on: 'POST /v1/auth/device', answer: { body: asked } },
      { on: 'POST /v1/auth/device/token', answer: { status: 400, body: pending } },
      { on: 'POST /v1/auth/device/token', answer: { body: tokens } },
      { on: 'GET /v1/user/me', answer: { body: { email: 'ada@example.com' } } },
    ],
  })
  context.after(() => server.down())
  const { run } = shellOf(context, server.baseUrl)
  const told = await run(['login', '--device'])
  assert.deepEqual([told.status, told.stdout], [0, 'ada@example.com\n'], told.stderr)
  for (const part of ['BCDF-GHJK', asked.pairing_phrase, asked.verification_uri_complete])
    assert.ok(told.stderr.includes(part), part)
  assert.equal(told.stderr.includes('of the device'), false)
  assert.deepEqual(server.problems(), [])
})
