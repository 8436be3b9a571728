import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Freddy, scene } from './freddy.ts'

scene('attack 057: nobody elsewhere calls us localhost', async (freddy) => {
  const ask = (from: string) =>
    freddy.ask('GET /v1/models', { from, headers: { host: 'localhost' } })
  assert.equal((await ask('192.0.2.1')).status, 400)
  assert.equal((await ask('127.0.0.1')).status, 401)
})

scene(
  'attack 013: an IPv6 network has ten times what its parts have',
  async (freddy) => {
    const ask = async (from: string) =>
      (
        await freddy.ask('POST /v1/user/username/check-availability', {
          from,
          body: { username: 'ada', user_name: 'ada' },
        })
      ).status
    const statuses = []
    for (let part = 0; part < 11; part++) {
      for (let call = 0; call < 2; call++) statuses.push(await ask(`2001:db8:1:${part}::1`))
    }
    assert.deepEqual(
      statuses.map((status) => status === 429),
      [...Array(20).fill(false), true, true],
    )
    assert.notEqual(await ask('2001:db8:2:1::1'), 429)
  },
  { env: { LIMITS: 'username-check=2/60' } },
)

scene('attack 100: the body of a sign-in is sixteen levels deep at most', async (freddy) => {
  const nested = (levels: number): object => (levels > 1 ? { a: nested(levels - 1) } : {})
  const lists = (levels: number): unknown[] => (levels > 1 ? [lists(levels - 1)] : [])
  const ask = async (body: unknown) => (await freddy.ask('POST /v1/auth/login', { body })).status
  for (const deep of [nested, lists]) {
    assert.equal(await ask(deep(16)), 422)
    assert.equal(await ask(deep(17)), 400)
  }
})

scene('attack 106: the hundred and first socket of a source is closed', async (freddy) => {
  const sockets: Socket[] = []
  try {
    for (let count = 0; count < 100; count++) sockets.push(await dial(freddy))
    const last = await dial(freddy)
    sockets.push(last)
    assert.equal(await answerTo(last), '')
    const [first] = sockets
    assert.ok(first)
    assert.match(await answerTo(first), /^HTTP\/1.1 200/)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
})

scene('attack 114: what a program calls itself is kept short and printable', async (freddy) => {
  const agent = `é\u001b[31m${'x'.repeat(300)}`
  await freddy.login({ as: 'nobody', password: 'x' }, { headers: { 'user-agent': agent } })
  const [row] = await freddy.database.read<{ agent: string }>('SELECT agent FROM audit_events')
  assert.match(row?.agent ?? '', /^[ -~]{200}$/)
})

async function dial(freddy: Freddy): Promise<Socket> {
  const { http } = freddy.running
  if (!http.server.listening) await http.listen({ port: 0, host: '127.0.0.1' })
  const address = http.server.address()
  assert.ok(address && typeof address === 'object')
  const socket = connect({ port: address.port, host: '127.0.0.1' })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** What comes back before the other side closes; nothing when it closes at once. */
async function answerTo(socket: Socket): Promise<string> {
  let heard = ''
  socket.on('data', (chunk) => (heard += chunk.toString()))
  socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  if (!socket.closed) await once(socket, 'close')
  return heard
}
