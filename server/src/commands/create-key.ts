import { defineCommand } from 'citty'
import type { Static } from 'typebox'
import { OperatorKeyBody, wishOf } from '../account/key-fields.ts'
import { makeApiKey } from '../auth/api-key.ts'
import { limitNames } from '../auth/key-limits.ts'
import { operatorScopes, scopes } from '../auth/principal.ts'
import { ConfigError } from '../config.ts'
import { validatorFor } from '../http/validator.ts'
import { answer, json, operate, origin, requireUser } from './shell.ts'

const DAY = 86_400_000

type Body = Static<typeof OperatorKeyBody>
type LimitOption = keyof NonNullable<Body['limits']>

const text = (description: string) => ({ type: 'string', description }) as const
const optionOf = (name: LimitOption) => name.replaceAll('_', '-')

const limitOptions = Object.fromEntries(
  limitNames.map((name) => [optionOf(name), text(`Most ${name.replaceAll('_', ' ')}`)]),
)

interface Words {
  readonly name: string
  readonly scopes?: string | undefined
  readonly models?: string | undefined
  readonly networks?: string | undefined
  readonly labels?: string | undefined
  readonly days?: string | undefined
  readonly expires?: string | undefined
  readonly canary: boolean
  readonly 'canary-pauses-label'?: string | undefined
}

/** The words of a key are those of `POST /v1/api-keys`, held against the same schema. */
export const createKey = defineCommand({
  meta: { name: 'create', description: 'Make an API key; it is printed once' },
  args: {
    user: {
      type: 'string',
      description: 'E-mail address or user name of the owner',
      required: true,
    },
    name: { type: 'string', description: 'What it is for', default: 'made in the shell' },
    scopes: text(`${[...scopes, ...operatorScopes].join(',')}; responses,models when absent`),
    models: text('Names, or beginnings with a star behind, with commas between'),
    networks: text('Addresses or CIDRs, with commas between'),
    labels: text('NAME=VALUE, with commas between'),
    days: text('Days until it expires; 90 when absent'),
    expires: text('When it expires, as 2027-01-31T12:00:00Z, or never'),
    canary: {
      type: 'boolean',
      description: 'A key that never works, and tells its owner who tries it',
      default: false,
    },
    'canary-pauses-label': text('A label of the canary: keys with the same one are paused then'),
    ...limitOptions,
    json,
  },
  run: ({ args }) =>
    operate(async (operator) => {
      const { app } = operator
      const user = await requireUser(operator, args.user)
      const call = { app, origin, now: app.now() }
      const wish = wishOf(call, user.id, read(args, limitsIn(args), call.now))
      const made = await makeApiKey(call, { ...wish, actor: 'shell' })
      if (!made)
        throw new ConfigError([`${args.user} has as many keys as one may have. Revoke one first.`])
      answer(args, { id: made.row.id, key: made.key }, made.key)
    }),
})

/** The body that the same wish would have on the wire, when it fits. */
function read(words: Words, limits: Record<string, number>, now: number): Body {
  const { 'canary-pauses-label': pauses } = words
  const body = {
    name: words.name,
    ...(words.canary ? { canary: true } : {}),
    ...(pauses === undefined ? {} : { canary_pauses_label: pauses }),
    ...listIn('scopes', words.scopes),
    ...listIn('models', words.models),
    ...listIn('networks', words.networks),
    ...endIn(words, now),
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    ...(words.labels === undefined ? {} : { labels: labelsIn(words.labels) }),
  }
  const place = { method: 'POST', url: '/v1/api-keys', httpPart: 'body' } as const
  const checked = validatorFor({ ...place, schema: OperatorKeyBody })(body)
  if (typeof checked === 'object' && 'error' in checked) throw checked.error
  return body as Body
}

function listIn(field: string, words: string | undefined): Record<string, string[]> {
  return words === undefined ? {} : { [field]: words.split(',') }
}

/** Numbers as they are; what is none fits nowhere. */
function limitsIn(args: Readonly<Record<string, unknown>>): Record<string, number> {
  const said = limitNames.map((name) => [name, args[optionOf(name)]] as const)
  const given = said.filter(([, words]) => words !== undefined)
  return Object.fromEntries(
    given.map(([name, words]) => [name, words === '' ? Number.NaN : Number(words)]),
  )
}

function labelsIn(words: string): Record<string, string> {
  const pairs = words.split(',').map((pair) => {
    const middle = pair.indexOf('=')
    if (middle < 0) throw new ConfigError(['--labels takes NAME=VALUE, with commas between.'])
    return [pair.slice(0, middle), pair.slice(middle + 1)]
  })
  return Object.fromEntries(pairs)
}

function endIn({ days, expires }: Words, now: number): { expires_at?: string | null } {
  if (days !== undefined && expires !== undefined)
    throw new ConfigError(['Say either --days or --expires.'])
  if (expires !== undefined) return { expires_at: expires === 'never' ? null : expires }
  if (days === undefined) return {}
  if (!(Number(days) >= 1 && Number(days) <= 3650))
    throw new ConfigError(['--days takes 1 to 3650.'])
  return { expires_at: new Date(now + Number(days) * DAY).toISOString() }
}
