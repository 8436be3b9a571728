import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { takeForms } from '../src/http/form.ts'
import { createHttp, type Http } from '../src/http/server.ts'
import { type Patience, patience } from '../src/http/strict-server.ts'
import { type Freddy, scene } from './freddy.ts'

/** The product's bounds, much shorter. */
const short: Patience = { headersMs: 400, requestMs: 4000, bodyMs: 300, stalledMs: 300, lookMs: 20 }
const BIG = 32 * 1024 * 1024

/** The same app behind little patience, with a large page and one that takes its time. */
async function withServer(freddy: Freddy, use: (http: Http, open: () => Peer) => Promise<void>) {
  const { app } = freddy.running
  const pages = (http: Http) => {
    http.get('/livez', async (_request, reply) => reply.send('ok'))
    http.get('/big', async (_request, reply) => reply.send(Buffer.alloc(BIG, 'x')))
    void http.register(async (scope) => {
      takeForms(scope)
      scope.post('/form', async (_request, reply) => reply.send('read'))
    })
    http.get('/late', async (_request, reply) => {
      await pause(3 * short.stalledMs)
      return reply.send('late')
    })
  }
  const http = await createHttp(app, pages, short)
  await http.listen({ port: 0, host: '127.0.0.1' })
  const peers: Peer[] = []
  const open = () => {
    const address = http.server.address()
    const peer = speak(typeof address === 'object' && address ? address.port : 0)
    peers.push(peer)
    return peer
  }
  try {
    await use(http, open)
  } finally {
    for (const { socket } of peers) socket.destroy()
    await http.close()
  }
}

interface Peer {
  readonly socket: Socket
  readonly closed: Promise<unknown>
  heard(): string
}

function speak(port: number): Peer {
  const socket = connect({ port, host: '127.0.0.1' })
  let heard = ''
  socket.on('data', (chunk) => (heard += chunk.toString('latin1')))
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  return { socket, closed, heard: () => heard }
}

/** Writes a piece at a time until the other side has had enough. The number of bytes that were written. */
async function drip(peer: Peer, piece: string, everyMs: number): Promise<number> {
  let written = 0
  while (!peer.socket.destroyed && peer.socket.writable) {
    peer.socket.write(piece)
    written += piece.length
    await Promise.race([pause(everyMs), peer.closed])
  }
  await peer.closed
  return written
}

const head = (...lines: string[]) => [...lines, '', ''].join('\r\n')
const json = 'Content-Type: application/json'
const statusesIn = (heard: string) =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))

scene('attack 106: headers that never end are cut', async (freddy) => {
  await withServer(freddy, async (_http, open) => {
    const peer = open()
    peer.socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
    await drip(peer, 'x', 10)
    assert.deepEqual(statusesIn(peer.heard()), [408])
    assert.match(peer.heard(), /REQUEST_TIMEOUT/)
  })
})

scene('attack 106: a body that never ends is cut, and nothing is decided', async (freddy) => {
  await withServer(freddy, async (_http, open) => {
    const peer = open()
    peer.socket.write(
      head('POST /v1/auth/login HTTP/1.1', 'Host: localhost', json, 'Content-Length: 9000'),
    )
    const written = await drip(peer, ' ', 10)
    assert.ok(written < 9000)
    assert.deepEqual(await freddy.database.read('SELECT id FROM audit_events'), [])
  })
})

scene('attack 106: a form that never ends is cut as any body is', async (freddy) => {
  await withServer(freddy, async (_http, open) => {
    const peer = open()
    const form = 'Content-Type: application/x-www-form-urlencoded'
    peer.socket.write(head('POST /form HTTP/1.1', 'Host: localhost', form, 'Content-Length: 4000'))
    // All of it would take ten times as long as a request may.
    assert.ok((await drip(peer, 'a', 10)) < 200)
    assert.deepEqual(statusesIn(peer.heard()), [])
  })
})

scene('attack 106: a reader that takes nothing of its answer is cut', async (freddy) => {
  await withServer(freddy, async (http, open) => {
    const peer = open()
    peer.socket.pause()
    const gone = new Promise((resolve) => {
      http.server.once('connection', (socket: Socket) => socket.once('close', resolve))
    })
    peer.socket.write(head('GET /big HTTP/1.1', 'Host: localhost'))
    await gone
    peer.socket.resume()
    await peer.closed
    assert.ok(peer.heard().length < BIG)
  })
})

scene(
  'attack 106: who waits for us, reads on, or keeps a socket for later is not cut',
  async (freddy) => {
    await withServer(freddy, async (_http, open) => {
      const keeping = open()
      keeping.socket.write(head('GET /livez HTTP/1.1', 'Host: localhost'))
      const waiting = open()
      waiting.socket.write(head('GET /late HTTP/1.1', 'Host: localhost', 'Connection: close'))
      const reading = open()
      reading.socket.write(head('GET /big HTTP/1.1', 'Host: localhost', 'Connection: close'))
      await Promise.all([waiting.closed, reading.closed])
      keeping.socket.write(head('GET /livez HTTP/1.1', 'Host: localhost', 'Connection: close'))
      await keeping.closed
      assert.deepEqual(statusesIn(keeping.heard()), [200, 200])
      assert.match(waiting.heard(), /200 OK.*late$/s)
      assert.ok(reading.heard().length > BIG)
    })
  },
)

test('attack 106: the bounds are those that are promised', () => {
  assert.deepEqual(patience, {
    headersMs: 10_000,
    requestMs: 120_000,
    bodyMs: 15_000,
    stalledMs: 30_000,
    lookMs: 1000,
  })
})

scene('attack 106: a source has a hundred sockets', async (freddy) => {
  await withServer(freddy, async (_http, open) => {
    const livez = head('GET /livez HTTP/1.1', 'Host: localhost')
    const peers = Array.from({ length: 100 }, open)
    for (const { socket } of peers) socket.write(livez)
    for (const { socket } of peers) await new Promise((resolve) => socket.once('data', resolve))

    const refused = open()
    refused.socket.write(livez)
    await refused.closed
    assert.equal(refused.heard(), '')

    peers[0]?.socket.destroy()
    let heard = ''
    for (let tries = 0; heard === '' && tries < 200; tries++) {
      const next = open()
      next.socket.write(head('GET /livez HTTP/1.1', 'Host: localhost', 'Connection: close'))
      await next.closed
      heard = next.heard()
    }
    assert.deepEqual(statusesIn(heard), [200])
  })
})

scene(
  'attack 105: a body without an end is not read where none is taken, or none is wanted',
  async (freddy) => {
    const chunked = 'Transfer-Encoding: chunked'
    const shapes: readonly [line: string, status: number, ...headers: string[]][] = [
      ['GET /livez', 413],
      ['GET /v1/user/me', 413, json],
      ['DELETE /v1/api-keys/key_00000000000000000000000000000000', 413],
      ['GET /nowhere', 413],
      ['POST /nowhere', 413, json],
      ['PUT /v1/auth/login', 413, json],
      ['POST /v1/auth/login', 415, 'Content-Type: text/plain'],
      ['POST /v1/responses', 401, json],
    ]
    await withServer(freddy, async (_http, open) => {
      for (const [line, status, ...headers] of shapes) {
        const peer = open()
        peer.socket.write(head(`${line} HTTP/1.1`, 'Host: localhost', chunked, ...headers))
        const written = await drip(peer, `1000\r\n${'x'.repeat(0x1000)}\r\n`, 1)
        assert.deepEqual(statusesIn(peer.heard()), [status], line)
        assert.match(peer.heard(), /connection: close/i, line)
        assert.ok(written < 1024 * 1024, `${line}: ${written} bytes`)
      }
    })
  },
)

scene('attack 105: a small body where none is taken is ignored, whatever it is', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const { body } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
  const bearer = { host: 'localhost', authorization: `Bearer ${token}` }
  const ask = async (method: 'GET' | 'DELETE', url: string, payload: string, type?: string) => {
    const headers = { ...bearer, ...(type ? { 'content-type': type } : {}) }
    return (await freddy.running.http.inject({ method, url, headers, payload })).statusCode
  }
  for (const payload of ['{}', '{"a":', 'x'.repeat(16_000), '']) {
    for (const type of ['application/json', 'text/plain', undefined]) {
      assert.equal(await ask('GET', '/v1/user/me', payload, type), 200)
      assert.equal(await ask('DELETE', `/v1/api-keys/${body.id}`, payload, type), 200)
    }
  }
  assert.equal(await ask('GET', '/v1/user/me', 'x'.repeat(17_000)), 413)
  assert.equal(await ask('DELETE', `/v1/api-keys/${body.id}`, 'x'.repeat(17_000)), 413)
})

scene('attack 107: a poisoned second request spoils nobody else', async (freddy) => {
  await withServer(freddy, async (_http, open) => {
    const first = head('GET /livez HTTP/1.1', 'Host: localhost')
    const poisons: readonly [string, number][] = [
      [head('GET /v1/user/me HTTP/1.1', 'Host: localhost', 'Content-Length : 5'), 400],
      [
        head('GET /livez HTTP/1.1', 'Host: localhost', 'Content-Length: 3', 'Content-Length: 4'),
        400,
      ],
      ['GET /livez HTTP/1.1\r\nHost: localhost\r\nbroken\r\n\r\n', 400],
      [head('GET /v1/user/me HTTP/1.1', 'Host: localhost', 'Transfer-Encoding: chunked'), 413],
    ]
    for (const [poison, status] of poisons) {
      const peer = open()
      peer.socket.write(first + poison + first)
      await peer.closed
      assert.deepEqual(statusesIn(peer.heard()), [200, status], poison)
    }
  })
})

async function sourcesOf({ database }: Freddy) {
  const rows = await database.read<{ source: string }>('SELECT source FROM audit_events')
  return rows.map(({ source }) => source)
}

async function failFrom(freddy: Freddy, ...headers: string[]) {
  await withServer(freddy, async (_http, open) => {
    const body = JSON.stringify({ email_or_username: 'ada', password: 'wrong' })
    const peer = open()
    peer.socket.write(
      head(
        'POST /v1/auth/login HTTP/1.1',
        'Host: localhost',
        json,
        `Content-Length: ${body.length}`,
        'Connection: close',
        ...headers,
      ) + body,
    )
    await peer.closed
    assert.deepEqual(statusesIn(peer.heard()), [401])
  })
}

scene(
  'attack 012: over a socket of our proxy the rightmost foreign hop counts, over two headers too',
  async (freddy) => {
    await failFrom(
      freddy,
      'X-Forwarded-For: 198.51.100.1, 203.0.113.9, 127.0.0.5',
      'X-Real-IP: 198.51.100.2',
    )
    assert.deepEqual(await sourcesOf(freddy), ['203.0.113.9'])
    await freddy.database.write('DELETE FROM audit_events')
    await failFrom(freddy, 'X-Forwarded-For: 198.51.100.1', 'X-Forwarded-For: 203.0.113.10')
    assert.deepEqual(await sourcesOf(freddy), ['203.0.113.10'])
  },
  { env: { TRUSTED_PROXIES: '127.0.0.0/8' } },
)

scene('attack 012: over a socket of anybody else it counts for nothing', async (freddy) => {
  await failFrom(freddy, 'X-Forwarded-For: 203.0.113.9', 'Forwarded: for=203.0.113.9')
  assert.deepEqual(await sourcesOf(freddy), ['127.0.0.1'])
})
