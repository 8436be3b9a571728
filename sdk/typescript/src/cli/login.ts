import { hostname } from 'node:os'
import { defineCommand } from 'citty'
import { CodeExpiredError, InvalidCodeError } from '../errors.ts'
import type { FreddyAuth } from '../freddy-auth.ts'
import { wait } from '../transport.ts'
import { openBrowser, opensBrowser } from './browser.ts'
import { clientOf, isApiKey, isOpen, openPlace, type Place, rememberServer } from './place.ts'
import { openQuestions, type Questions, readInput } from './questions.ts'
import { answer, Complaint, common, paint, run, talk, WrongWords, waiting } from './shell.ts'

const methods = ['email', 'totp', 'recovery_code'] as const

export const loginCommand = defineCommand({
  meta: { name: 'login', description: 'Sign in: in your browser, or by password and mailed code' },
  args: {
    user: { type: 'positional', description: 'E-mail address or user name', required: false },
    device: {
      type: 'boolean',
      description: 'Show a code that you let in with any browser: the standard where one opens',
      default: false,
    },
    password: {
      type: 'boolean',
      description: 'Ask for the password here: the standard elsewhere, and for a USER',
      default: false,
    },
    'with-token': {
      type: 'boolean',
      description: 'Read an API key from standard input in place of signing in',
      default: false,
    },
    method: {
      type: 'enum',
      options: [...methods],
      description: 'How to pass the second step',
      default: 'email',
    },
    ...common,
  },
  run: ({ args }) =>
    run(args, async () => {
      const place = await openPlace(args)
      if (isOpen(place.server)) talk(paint('red', `${place.server} is not encrypted: use https`))
      const who = await enter(place, args)
      await rememberServer(place.server)
      const told = { server: place.server, ...who, kept_in: place.store.place }
      answer(args, told, who.name)
      talk(paint('green', `Signed in to ${place.server}. Kept in ${place.store.place}.`))
      if (who.expires_at) talk(`Until ${who.expires_at.slice(0, 10)}.`)
    }),
})

interface Who {
  /** The address of the person, or the name of the key. */
  readonly name: string
  readonly expires_at: string | null
}

interface Wishes {
  readonly user?: string | undefined
  readonly device: boolean
  readonly password: boolean
  readonly 'with-token': boolean
  readonly method: string
}

async function enter(place: Place, wishes: Wishes): Promise<Who> {
  const { user, device, password, method } = wishes
  if (wishes['with-token']) return keepKey(place)
  if (device && (password || user)) throw new WrongWords('--device asks for no user and password.')
  if (device) return signInByDevice(place, talk)
  const typesHere = password || user !== undefined || method !== 'email'
  if (typesHere || !opensBrowser()) return signIn(place, user, methodOf(method))
  return signInByDevice(place, showAndOpen)
}

function showAndOpen(line: string, address?: string): void {
  talk(line)
  if (address) openBrowser(address)
}

/** Shows a code; somebody who is signed in lets it in on the server's page. */
async function signInByDevice(
  { server, store }: Place,
  show: (line: string, address?: string) => void,
): Promise<Who> {
  // It pauses for its person, not for the server.
  const auth = clientOf({ baseUrl: server, store, wait })
  const asked = await auth.device.begin({ program: 'freddy', name: hostname() })
  talk(`Code:   ${paint('bold', asked.user_code)}`)
  talk(`Words:  ${asked.pairing_phrase}`)
  talk('Allow it only where the page shows the same words.')
  show(`Open:   ${asked.verification_uri_complete}`, asked.verification_uri_complete)
  const { refreshToken } = await waiting(() => 'Waiting for you', auth.device.finish(asked))
  const { email } = await auth.me()
  return { name: email, expires_at: endOf(refreshToken) }
}

/** An API key is kept like a session, once the server has taken it. */
async function keepKey({ server, store }: Place): Promise<Who> {
  const key = await readInput()
  if (!isApiKey(key)) throw new Complaint('--with-token reads an API key, ak_…, and nothing else.')
  const auth = clientOf({ baseUrl: server, apiKey: key })
  const { name, expires_at } = await auth.apiKeys.own()
  await store.write({ token: key, refreshToken: '' })
  return { name, expires_at }
}

async function signIn(
  { server, store }: Place,
  named: string | undefined,
  method: (typeof methods)[number],
): Promise<Who> {
  const auth = clientOf({ baseUrl: server, store })
  const questions = openQuestions()
  try {
    const user = named ?? (await questions.ask('E-mail address or user name: '))
    const password = await questions.askSecret('Password: ')
    const emailKey = await waiting(() => 'Asking the server', auth.login(user, password))
    if (method === 'email') talk('A code is on its way to your mailbox.')
    const { refreshToken, user: signedIn } = await verify(auth, emailKey, method, questions)
    return { name: signedIn.email, expires_at: endOf(refreshToken) }
  } finally {
    questions.close()
  }
}

/** Asks until the code is right or the server has enough; an empty line asks for another mail. */
async function verify(
  auth: FreddyAuth,
  emailKey: string,
  method: (typeof methods)[number],
  questions: Questions,
) {
  const more = questions.interactive && method === 'email' ? ' (empty: send another)' : ''
  for (;;) {
    const code = (await questions.ask(`Code${more}: `)).replaceAll(/[\s-]/g, '')
    try {
      if (code || !more) return await auth.verify(emailKey, code, { method })
      await auth.resend(emailKey)
      talk('Another mail is on its way.')
    } catch (cause) {
      const again = cause instanceof InvalidCodeError || cause instanceof CodeExpiredError
      if (!questions.interactive || !again) throw cause
      talk(cause.message)
    }
  }
}

function methodOf(text: string): (typeof methods)[number] {
  const method = methods.find((known) => known === text)
  if (!method) throw new WrongWords(`--method takes ${methods.join(', ')}.`)
  return method
}

/** When a session ends, for its owner to read: only the server decides. */
function endOf(refreshToken: string): string | null {
  try {
    const claims = Buffer.from(refreshToken.split('.')[1] ?? '', 'base64url').toString()
    return new Date(JSON.parse(claims).exp * 1000).toISOString()
  } catch {
    return null
  }
}
