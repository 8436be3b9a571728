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

function readTable(path: string): Pick<ModelTable, 'models' | 'upstreams'> {
  const file = parseFile(path)
  const upstreams = new Map<string, Upstream>()
  for (const [name, { url, api_key }] of Object.entries(file.upstreams)) {
    const address = upstreamAddress(url)
    if (!address) throw problem(path, `the url of ${name} is no http or https address`)
    upstreams.set(name, { name, url: address, apiKey: api_key ?? null })
  }
  const models = file.models.map((row): Model => {
    const upstream = upstreams.get(row.upstream)
    if (!upstream) throw problem(path, `${row.name} names the unknown upstream ${row.upstream}`)
    return {
      name: row.name,
      upstream,
      upstreamModel: row.model ?? row.name,
      inputPrice: row.input_price ?? null,
      outputPrice: row.output_price ?? null,
      context: row.context ?? null,
    }
  })
  if (new Set(models.map((model) => model.name)).size < models.length) {
    throw problem(path, 'a model stands in it twice')
  }
  return { models, upstreams: [...upstreams.values()] }
}

function parseFile(path: string): Static<typeof ModelsFile> {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    throw problem(path, 'it cannot be read, or is not JSON')
  }
  if (Value.Check(ModelsFile, value)) return value
  const [first] = Value.Errors(ModelsFile, value)
  throw problem(path, `${first?.instancePath || 'it'} ${first?.message ?? 'does not fit'}`)
}

function problem(path: string, what: string): ConfigError {
  return new ConfigError([`MODELS_FILE: ${path}: ${what}; docs/gateway.md shows one`])
}
