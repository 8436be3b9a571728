import { errors } from '../../errors.ts'

interface Schema {
  readonly type?: string
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly description?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
}

interface Content {
  readonly description?: string
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>
}

interface Described {
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly security?: readonly object[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema?: Schema
    readonly description?: string
  }[]
  readonly requestBody?: Content & { readonly required?: boolean }
  readonly responses?: Readonly<Record<string, Content>>
}

/** What the description of the API says, as far as the reference shows it. */
export interface ApiDescription {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Described>>>>
}

export interface Field {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly told: string
}

export interface Operation {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly summary: string
  readonly who: string
  readonly media: string
  readonly parameters: readonly Field[]
  readonly body: readonly Field[]
  readonly status: string
  readonly answer: readonly Field[]
  readonly refusals: readonly {
    readonly code: string
    readonly status: number
    readonly anchor: string
  }[]
}

export interface ApiGroup {
  readonly name: string
  readonly title: string
  readonly operations: readonly Operation[]
}

const titles: Readonly<Record<string, string>> = {
  auth: 'Signing in and out',
  account: 'The account',
  keys: 'API keys',
  gateway: 'Models and responses',
  usage: 'Usage and budgets',
  admin: 'For admins',
}
const groupOfTag: Readonly<Record<string, string>> = {
  'jwks.json': 'auth',
  user: 'account',
  'api-keys': 'keys',
  'api-key': 'keys',
  responses: 'gateway',
  chat: 'gateway',
  embeddings: 'gateway',
  models: 'gateway',
  model: 'gateway',
}
/** Deeper fields are told by the type of the one that holds them. */
const DEEPEST = 3
const LONGEST_PATTERN = 40

/** The reference, group by group, in the order of the table of routes. */
export function apiReference({ paths = {} }: ApiDescription): ApiGroup[] {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      group: groupOf(described.tags?.[0] ?? ''),
      operation: operationOf(method, path, described),
    })),
  )
  const groups = Map.groupBy(all, ({ group }) => group)
  const order = [...Object.keys(titles), ...groups.keys()]
  return [...groups]
    .sort(([one], [other]) => order.indexOf(one) - order.indexOf(other))
    .map(([name, rows]) => ({
      name,
      title: titles[name] ?? name,
      operations: rows.map(({ operation }) => operation),
    }))
}

const groupOf = (tag: string) => groupOfTag[tag] ?? tag.replace(/[^a-z-]/g, '')

function operationOf(method: string, path: string, described: Described): Operation {
  const { summary = '', security = [], parameters = [], requestBody, responses = {} } = described
  const media = Object.entries(requestBody?.content ?? {})
  const [status = '', answer = {}] = Object.entries(responses)[0] ?? []
  const codes = Object.values(responses).flatMap(({ description = '' }) => description.split(', '))
  return {
    id: `${method}${path}`
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/-$/, ''),
    method: method.toUpperCase(),
    path,
    summary,
    who: whoOf(security),
    media: media.map(([type]) => type).join(' or '),
    parameters: parameters.map(({ name, in: place, required = false, schema = {} }) => ({
      name,
      type: typeOf(schema),
      required,
      told: [`in the ${place}`, boundsOf(schema)].filter(Boolean).join('; '),
    })),
    body: fieldsOf(media[0]?.[1].schema),
    status,
    answer: fieldsOf(answer.content?.['application/json']?.schema),
    refusals: codes.flatMap((code) => refusalOf(code)),
  }
}

function whoOf(security: readonly object[]): string {
  if (security.length === 0) return 'anybody'
  return security.length > 1 ? 'an access token or an API key' : 'an access token'
}

function refusalOf(code: string) {
  const row = Object.entries(errors).find(([name]) => name === code)
  return row ? [{ code, status: row[1][0], anchor: code.toLowerCase() }] : []
}

function fieldsOf(schema: Schema | undefined, prefix = '', depth = 1): Field[] {
  const { properties = {}, required = [] } = schema ?? {}
  return Object.entries(properties).flatMap(([name, field]) => {
    const inner = field.items ?? field.anyOf?.find(({ properties: held }) => held) ?? field
    const path = `${prefix}${name}${field.items ? '[]' : ''}`
    const told = [field.description, boundsOf(field)].filter(Boolean).join('; ')
    const row = {
      name: `${prefix}${name}`,
      type: typeOf(field),
      required: required.includes(name),
      told,
    }
    return depth < DEEPEST ? [row, ...fieldsOf(inner, `${path}.`, depth + 1)] : [row]
  })
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' or ')
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' or ')
  if (schema.items) return `list of ${typeOf(schema.items)}`
  if (schema.format === 'date-time') return 'moment'
  return schema.type ?? 'anything'
}

function boundsOf({ minLength, maxLength, minimum, maximum, pattern }: Schema): string {
  const told = [
    span(minLength, maxLength, ' characters'),
    span(minimum, maximum, ''),
    pattern && pattern.length <= LONGEST_PATTERN ? `as ${pattern}` : '',
  ]
  return told.filter(Boolean).join(', ')
}

function span(least: number | undefined, most: number | undefined, unit: string): string {
  if (least === undefined && most === undefined) return ''
  if (most === undefined) return `${least} or more${unit}`
  return `${least ?? 0} to ${most}${unit}`
}
