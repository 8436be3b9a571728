import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { createSmtpMailer } from '../src/mail/smtp.ts'

const from = 'Freddy <freddy@example.com>'
const letter = { to: 'ada@example.com', subject: 's', text: 't', html: 'h' }

test('F48: a mail server that answers a drop at a time is given up, letter by letter, and those after them leave when it is well', async (t) => {
  let isWell = false
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    serve(socket, () => {
      if (isWell) return socket.write('250 yes\r\n')
      const drop = setInterval(() => socket.writable && socket.write('2'), 20)
      return socket.on('close', () => clearInterval(drop))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const times = { connectMs: 5000, lineMs: 5000, letterMs: 500 }
  const mailer = createSmtpMailer({ url: `smtp://127.0.0.1:${port}`, from, times })
  t.after(() => {
    mailer.close()
    for (const socket of open) socket.destroy()
    server.close()
  })
  // More than it has connections.
  const late = Array.from({ length: 6 }, (_, index) =>
    assert.rejects(mailer.send({ ...letter, messageId: `<late${index}@b>` }), {
      name: 'MailDelayed',
    }),
  )
  await Promise.all(late)
  isWell = true
  await mailer.send({ ...letter, messageId: '<well@b>' })
})

/** As far as to the end of a letter; what is said of it is somebody else's. */
function serve(socket: Socket, answer: () => unknown): void {
  socket.write('220 here\r\n')
  let isLetter = false
  socket.setEncoding('latin1').on('data', (text: string) => {
    const isOver = isLetter && text.endsWith('\r\n.\r\n')
    if (isOver) answer()
    else if (!isLetter) socket.write(text === 'DATA\r\n' ? '354 go on\r\n' : '250 yes\r\n')
    isLetter = text === 'DATA\r\n' || (isLetter && !isOver)
  })
}
