import assert from 'node:assert/strict'
import type { Freddy } from './freddy.ts'

/** The path of the newest link of this purpose that was mailed to an address. */
export async function linkFor(freddy: Freddy, email: string, purpose: string): Promise<string> {
  await freddy.running.outbox.drain()
  const texts = freddy.mail.mails
    .filter(({ envelope }) => envelope.to.includes(email))
    .map(({ raw }) => raw.replace(/=\r\n/g, ''))
  const found = texts.flatMap((text) => [
    ...text.matchAll(
      new RegExp(`https://auth\\.example\\.com(/account/${purpose}/[\\w-]{22})`, 'g'),
    ),
  ])
  return found.at(-1)?.[1] ?? assert.fail(`no ${purpose} link was mailed to ${email}`)
}

/** Presses the button of a page of ours. */
export const press = (
  freddy: Freddy,
  path: string,
  form = '',
  origin = 'https://auth.example.com',
) =>
  freddy.running.http.inject({
    method: 'POST',
    url: path,
    headers: {
      host: 'localhost',
      origin,
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: form,
  })
