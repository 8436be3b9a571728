import type { App } from '../context.ts'
import { parseEmailAddress } from './email-address.ts'
import { keyedHash, sameText } from './keyring.ts'
import { baseAddress } from './link.ts'

const DAY = 86_400_000
/** How long a mailbox is left alone; whoever asks again after it is written to, and may say no again. */
const STOPPED_MS = 180 * DAY
/** 22 characters of base64url carry 132 bits. */
const PART = 22
const shape = /^[A-Za-z0-9_-]{44}$/

type Generation = App['keyring']['current']

/**
 * The page where the reader of a letter says that they want no more of its kind. It names a mailbox by a keyed hash and
 * proves that we made it, so nothing is kept until somebody says so, and nobody says so for another's mailbox.
 */
export function stopUrl(app: App, address: string): string {
  const keys = app.keyring.current
  const name = nameOf(keys, mailboxOf(address))
  return `${baseAddress(app)}/account/stop/${name}${proofOf(keys, name)}`
}

/** Whether letters to strangers may go to this mailbox. */
export async function wantsLetters(app: App, mailbox: string, now: number): Promise<boolean> {
  const ids = app.keyring.all.map((keys) => idOf(keys, nameOf(keys, mailbox)))
  return !(await app.store.mailStops.isStopped(ids, now))
}

/** What the page of this link is about; null when it is none of ours. */
export function readStop(app: App, text: string): string | null {
  if (!shape.test(text)) return null
  const [name, proof] = [text.slice(0, PART), text.slice(PART)]
  const keys = app.keyring.all.find((each) => sameText(proof, proofOf(each, name)))
  return keys ? idOf(keys, name) : null
}

export async function stopLetters(app: App, id: string, now: number): Promise<void> {
  await app.store.mailStops.stop(id, now, now + STOPPED_MS)
}

const mailboxOf = (address: string) => parseEmailAddress(address)?.mailbox ?? address

const nameOf = ({ of }: Generation, mailbox: string) =>
  keyedHash(of.link, 'stop', mailbox).slice(0, PART)

const proofOf = ({ of }: Generation, name: string) =>
  keyedHash(of.link, 'stop proof', name).slice(0, PART)

const idOf = ({ of }: Generation, name: string) => keyedHash(of.link, 'stopped', name)
