import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createSmtpMailer, mailTimes } from '../src/mail/smtp.ts'
import { databases } from './databases.ts'
import { type Freddy, MINUTE, PASSWORD, scene } from './freddy.ts'
import { call, credentials, startProcess } from './server-process.ts'
import { startSmtpSink } from './smtp-sink.ts'

const mail = { messageId: '<a@b>', to: 'ada@example.com', subject: 's', text: 't', html: 'h' }
const from = 'Freddy <freddy@example.com>'

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < 2000; look++) {
    if (await isSo()) return
    await wait(5)
  }
  assert.fail(`${what}: not after ten seconds`)
}

const mailHealth = async ({ ask }: Freddy) => {
  const { status, body } = await ask('GET /readyz')
  assert.equal(status, 200, 'sign-in goes on, and so does the server')
  return body.checks.mail
}

scene(
  'F20: without a mail server people sign in as before; letters go out when it is back, those that are over do not',
  async (freddy, t) => {
    const port = Number(new URL(freddy.mail.url).port)
    const { outbox } = freddy.running
    const ada = await freddy.person('ada')
    await freddy.mail.close()

    const first = await freddy.login(ada)
    assert.equal(first.status, 200)
    await outbox.drain()
    const waiting = await freddy.ask(`GET /v1/auth/challenge/${first.body.email_key}`)
    const reason = 'the mail server does not answer'
    assert.deepEqual(waiting.body.delivery, { state: 'delayed', reason })
    assert.equal(await mailHealth(freddy), 'ok')
    freddy.pass(MINUTE)
    assert.equal(await mailHealth(freddy), 'degraded')
    freddy.pass(4 * MINUTE)
    const second = await freddy.login(await freddy.person('bob'))
    assert.equal(second.status, 200)

    const back = await startSmtpSink({}, port)
    t.after(() => back.close())
    await outbox.drain()
    assert.deepEqual(
      back.mails.map(({ envelope }) => envelope.to[0]),
      ['bob@example.com'],
    )
    assert.equal(await mailHealth(freddy), 'ok')
    assert.ok(freddy.log.some((line) => line.includes('"event":"mail.late"')))
    const again = { body: { email_key: first.body.email_key } }
    assert.equal((await freddy.ask('POST /v1/auth/resend-email', again)).status, 200)
    await outbox.drain()
    const right = await freddy.verify(first.body.email_key, back.codeFor(ada.email))
    assert.equal(right.status, 200)
  },
)

test('F20: a mail server whose name nobody knows delays a letter', async () => {
  const mailer = createSmtpMailer({ url: 'smtp://mail.invalid', from })
  await assert.rejects(mailer.send(mail), { name: 'MailDelayed' })
  mailer.close()
})

scene(
  'F21: a mail server that hangs on one letter holds up no other, and nobody who signs in',
  async (freddy) => {
    const { behaviour, mails } = freddy.mail
    let letGo = () => {}
    behaviour.hangsFor = 'slow@example.com'
    behaviour.letGo = new Promise((resolve) => (letGo = resolve))
    await freddy.login(await freddy.person('slow'))
    const rounds = [freddy.running.outbox.drain()]
    await until('the slow one hangs', () => freddy.mail.asked.length === 1)
    for (let count = 0; count < 6; count++) {
      assert.equal((await freddy.login(await freddy.person(`p${count}`))).status, 200)
      rounds.push(freddy.running.outbox.drain())
    }
    await until('the others are sent', () => mails.length === 6)
    letGo()
    await Promise.all(rounds)
    assert.equal(mails.length, 7)
  },
)

test('F21: a mail server that never greets, hangs after a letter, or is slow at every line is given up in time', async () => {
  assert.deepEqual(mailTimes, { connectMs: 10_000, lineMs: 30_000, letterMs: 50_000 })
  const times = { connectMs: 300, lineMs: 500, letterMs: 1000 }
  const slowly = (socket: Socket, line: string) => setTimeout(() => socket.write(line), 300)
  const ways: readonly (readonly [string, (socket: Socket, line: string) => void])[] = [
    ['never greets', () => {}],
    ['hangs after a letter', (socket, line) => line === 'over' || socket.write(answerTo(line))],
    ['is slow', (socket, line) => slowly(socket, answerTo(line))],
  ]
  for (const [name, behave] of ways) {
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      sockets.push(socket)
      if (name !== 'never greets') socket.write('220 here\r\n')
      socket.on('error', () => {})
      let isLetter = false
      socket.setEncoding('latin1').on('data', (text: string) => {
        const isOver = isLetter && text.endsWith('\r\n.\r\n')
        if (!isLetter || isOver) behave(socket, isOver ? 'over' : text.trim())
        isLetter = text === 'DATA\r\n' || (isLetter && !isOver)
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const mailer = createSmtpMailer({ url: `smtp://127.0.0.1:${port}`, from, times })
    await assert.rejects(mailer.send(mail), { name: 'MailDelayed' }, name)
    mailer.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})

const answerTo = (line: string) => (line === 'DATA' ? '354 go on\r\n' : '250 yes\r\n')

scene(
  'F22: a letter is tried again after 1, 2, 5, 10, 20 and 40 seconds, always under one Message-ID',
  async (freddy) => {
    const { behaviour, heard, mails } = freddy.mail
    const ada = await freddy.person('ada')
    await freddy.login(ada)
    behaviour.postpones = Number.POSITIVE_INFINITY
    const tries: number[] = []
    for (let second = 0; mails.length === 0 && second < 120; second++) {
      if (second === 60) behaviour.postpones = 0
      const before = heard.length
      await freddy.running.outbox.drain()
      if (heard.length > before) tries.push(second)
      freddy.pass(1000)
    }
    assert.deepEqual(tries, [0, 1, 3, 8, 18, 38, 78])
    assert.equal(new Set(heard).size, 1)
    assert.equal(mails.length, 1)
  },
)

scene(
  'F23: a mailbox that refuses is asked once a letter, noted, flagged at the third, and no caller is told',
  async (freddy) => {
    const { behaviour, asked } = freddy.mail
    const [ada, bob] = [await freddy.person('ada'), await freddy.person('bob')]
    const shape = ({ status, body }: { status: number; body: object }) => [
      status,
      Object.keys(body),
    ]
    const usual = shape(await freddy.login(bob))
    await freddy.running.outbox.drain()
    behaviour.refuses = true
    for (const [index, code] of [550, 552, 554, 550].entries()) {
      behaviour.refusal = code
      assert.deepEqual(shape(await freddy.login(ada)), usual)
      for (let second = 0; second < 5; second++) {
        await freddy.running.outbox.drain()
        freddy.pass(MINUTE)
      }
      assert.equal(asked.length, 2 + index, `${code} is tried once`)
      const seen = await eventsOf(freddy, ada.id)
      const flagged = index >= 2 ? ['mail.unreachable'] : []
      assert.deepEqual(seen, [...Array(index + 1).fill('mail.refused'), ...flagged])
    }
    assert.deepEqual(await eventsOf(freddy, bob.id), [])
  },
)

async function eventsOf({ database }: Freddy, user: string): Promise<string[]> {
  const rows = await database.read<{ event: string }>(
    "SELECT event FROM audit_events WHERE user_id = :user AND event LIKE 'mail.%' ORDER BY event",
    { user },
  )
  return rows.map(({ event }) => event)
}

test('F23: a mail server that does not let us in says nothing of who was to read', async () => {
  const replies: Readonly<Record<string, string>> = {
    EHLO: '250-here\r\n250 AUTH PLAIN\r\n',
    AUTH: '535 who are you\r\n',
  }
  const server = createServer((socket) => {
    socket.write('220 here\r\n')
    socket.on('error', () => {})
    socket.setEncoding('latin1').on('data', (line: string) => {
      socket.write(replies[line.slice(0, 4)] ?? '250 yes\r\n')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const mailer = createSmtpMailer({ url: `smtp://us:wrong@127.0.0.1:${port}`, from })
  await assert.rejects(mailer.send(mail), { name: 'MailRefused', ofRecipient: false })
  mailer.close()
  server.close()
})

for (const { name: engine, open } of databases) {
  test(`F25: a letter whose server is killed while it is handed over is sent by another (${engine})`, async () => {
    const place = await open()
    let letGo = () => {}
    const letGoOf = new Promise<void>((resolve) => (letGo = resolve))
    const sink = await startSmtpSink({ hangsFor: 'ada@example.com', letGo: letGoOf })
    const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
    const env = {
      SMTP_URL: sink.url,
      DATA_DIR: engine === 'SQLite' ? place.url.slice(0, place.url.lastIndexOf('/')) : folder,
      ...(engine === 'PostgreSQL' ? { DATABASE_URL: place.url } : {}),
    }
    const servers = [await startProcess(env), await startProcess(env)]
    try {
      const [one, two] = servers
      const body = { email: 'ada@example.com', password: PASSWORD }
      const begun = await call(one?.base ?? '', '/v1/auth/register', body)
      await until('it is being handed over', () => sink.asked.length === 1)
      await one?.kill()
      letGo()
      // The minute of its lease passes.
      await place.database.write('UPDATE outbox SET locked_until = 0')
      await until('it is sent', () => sink.mails.length > 0)
      assert.ok(new Set(sink.heard).size === 1 && sink.mails.length <= 2)
      const proof = {
        email_key: begun?.body.email_key,
        verification_code: sink.codeFor('ada@example.com'),
      }
      assert.equal((await call(two?.base ?? '', '/v1/auth/verify', proof))?.status, 200)
      const login = await call(two?.base ?? '', '/v1/auth/login', credentials('ada@example.com'))
      assert.equal(login?.status, 200)
    } finally {
      letGo()
      for (const server of servers) await server.kill()
      await sink.close()
      await place.drop()
      rmSync(folder, { recursive: true, force: true })
    }
  })
}
