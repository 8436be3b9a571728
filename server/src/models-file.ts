import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { type Config, ConfigError } from './config.ts'
import { upstreamAddress } from './config-upstream.ts'

const strict = { additionalProperties: false } as const
const name = Type.String({ minLength: 1, maxLength: 200 })
/** Bounded, so that the price of any call is a number that both databases keep exactly. */
const price = Type.Number({ minimum: 0, maximum: 1_000_000 })

/** Servers by name, and which of them answers for a model. Prices are for a million tokens. */
const ModelsFile = Type.Object(
  {
    upstreams: Type.Record(
      Type.String(),
      Type.Object({ url: Type.String(), api_key: Type.Optional(Type.String()) }, strict),
    ),
    models: Type.Array(
      Type.Object(
        {
          name,
          upstream: name,
          model: Type.Optional(name),
          input_price: Type.Optional(price),
          output_price: Type.Optional(price),
          context: Type.Optional(Type.Integer({ minimum: 1 })),
        },
        strict,
      ),
    ),
  },
  strict,
)

export interface Upstream {
  readonly name: string
  /** As far as `/v1`, without a slash at the end. */
  readonly url: string
  readonly apiKey: string | null
}

/** A model as callers name it. */
export interface Model {
  readonly name: string
  readonly upstream: Upstream
  /** What its server calls it. */
  readonly upstreamModel: string
  /** Per million tokens; null when nobody said. */
  readonly inputPrice: number | null
  readonly outputPrice: number | null
  readonly context: number | null
}

export interface ModelTable {
  readonly models: readonly Model[]
  /** Who answers for names that are not in the table: the server of UPSTREAM_URL. */
  readonly standard: Upstream | null
  readonly upstreams: readonly Upstream[]
}

/** The models of this server: from a file, from UPSTREAM_URL, from both; from none, when the built-in one answers. */
export function readModels(config: Config): ModelTable {
  const standard = config.upstreamUrl
    ? { name: 'standard', url: config.upstreamUrl, apiKey: config.upstreamApiKey }
    : null
  const beside = join(config.dataDir, 'models.json')
  const path = config.modelsFile ?? (existsSync(beside) ? beside : null)
  const read = path ? readTable(path) : { models: [], upstreams: [] }
  return { ...read, standard, upstreams: [...(standard ? [standard] : []), ...read.upstreams] }
}

type Entry = Static<typeof ModelsFile>['models'][number]

function readTable(path: string): Pick<ModelTable, 'models' | 'upstreams'> {
  const file = parseFile(path)
  const problems = [...misfits(file), ...contradictions(file)]
  if (problems.length > 0 || !Value.Check(ModelsFile, file)) throw problem(path, problems)
  const upstreams = new Map<string, Upstream>()
  for (const [name, { url, api_key }] of Object.entries(file.upstreams)) {
    upstreams.set(name, { name, url: upstreamAddress(url) ?? url, apiKey: api_key ?? null })
  }
  const models = file.models.flatMap((row) => {
    const upstream = upstreams.get(row.upstream)
    return upstream ? [modelOf(row, upstream)] : []
  })
  return { models, upstreams: [...upstreams.values()] }
}

function modelOf(row: Entry, upstream: Upstream): Model {
  return {
    name: row.name,
    upstream,
    upstreamModel: row.model ?? row.name,
    inputPrice: row.input_price ?? null,
    outputPrice: row.output_price ?? null,
    context: row.context ?? null,
  }
}

/** What has not the form of a table, each with the name of its entry. Values are repeated nowhere: one is a secret. */
function misfits(file: unknown): string[] {
  // Of a name that is no field, its object tells; the field itself only has nothing that it may be.
  const errors = [...Value.Errors(ModelsFile, file)].filter(({ keyword }) => keyword !== 'boolean')
  return errors.map((error) => {
    const [, list = '', entry = '', ...rest] = error.instancePath.split('/')
    const named = list === 'models' && entry ? nameOf(member(member(file, list), entry)) : ''
    const place = [list, entry].filter(Boolean).join('.')
    const odd = 'additionalProperties' in error.params ? error.params.additionalProperties : []
    const said = [...rest, ...[odd].flat()].join('.')
    return [place + named, said, error.message].filter(Boolean).join(': ')
  })
}

/** What has the form, and cannot be meant. What has it not is told by `misfits`. */
function contradictions(file: unknown): string[] {
  const upstreams = Object.entries(Object(member(file, 'upstreams')) as Record<string, unknown>)
  const addresses = upstreams.flatMap(([name, upstream]) => {
    const url = member(upstream, 'url')
    const isWrong = typeof url === 'string' && !upstreamAddress(url)
    return isWrong ? [`upstreams.${name}: its url is no http or https address`] : []
  })
  const list = member(file, 'models')
  const models: unknown[] = Array.isArray(list) ? list : []
  const names = models.map((model) => member(model, 'name'))
  const wrong = models.flatMap((model, index) => {
    const place = `models.${index}${nameOf(model)}`
    const upstream = member(model, 'upstream')
    const isLost = typeof upstream === 'string' && !upstreams.some(([name]) => name === upstream)
    const isTwice = names[index] !== undefined && names.indexOf(names[index]) < index
    return [
      ...(isLost ? [`${place}: its upstream ${upstream} stands in no upstreams`] : []),
      ...(isTwice ? [`${place}: the name stands there already`] : []),
    ]
  })
  return [...addresses, ...wrong]
}

function parseFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    throw problem(path, ['it cannot be read, or is not JSON'])
  }
}

function nameOf(model: unknown): string {
  const name = member(model, 'name')
  return typeof name === 'string' ? ` (${name})` : ''
}

function member(value: unknown, name: string): unknown {
  const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, name)
  return isThere ? (value as Record<string, unknown>)[name] : undefined
}

function problem(path: string, what: readonly string[]): ConfigError {
  return new ConfigError(
    what.map((each) => `MODELS_FILE: ${path}: ${each}; docs/gateway.md shows one`),
  )
}
