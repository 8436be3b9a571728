import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { ApiError } from '../../errors.ts'
import type { Http } from '../server.ts'

const folder = new URL('../../../../hub/dist/', import.meta.url)
const types: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
}

/** How browsers take files, the smallest first. */
const packers = {
  br: (plain: Buffer) =>
    promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (plain: Buffer) => promisify(gzip)(plain),
  plain: async (plain: Buffer) => plain,
} as const

type Coding = keyof typeof packers

/** The files of the Hub. Their names hold their hashes, so that a browser may keep them. */
const files = readdirSync(folder).filter((name) => /\.(js|css)$/.test(name))
/** Each as it was read and packed for whoever wanted it first. */
const packed = new Map<string, Promise<Buffer>>()

function readPacked(file: string, coding: Coding): Promise<Buffer> {
  const name = `${file} ${coding}`
  const made = packed.get(name) ?? packers[coding](readFileSync(new URL(file, folder)))
  packed.set(name, made)
  return made
}

/** Where the file of this name and ending is served. */
export function assetPath(name: string, ending: 'js' | 'css'): string {
  const pattern = new RegExp(`^${name.replace('.', '\\.')}-[A-Z0-9]+\\.${ending}$`)
  const file = files.find((each) => pattern.test(each))
  if (!file) throw new Error(`hub/dist holds no ${name}.${ending}: npm start makes it`)
  return `/hub/assets/${file}`
}

export function serveAssets(http: Http): void {
  http.get<{ Params: { file: string } }>('/hub/assets/:file', async (request, reply) => {
    const { file } = request.params
    if (!files.includes(file)) throw new ApiError('RESOURCE_NOT_FOUND')
    const accepted = String(request.headers['accept-encoding'] ?? '')
    const coding = (['br', 'gzip'] as const).find((name) => accepted.includes(name))
    return reply
      .headers({
        'content-type': types[file.split('.').at(-1) ?? ''] ?? '',
        'cache-control': 'public, max-age=31536000, immutable',
        vary: 'accept-encoding',
        ...(coding ? { 'content-encoding': coding } : {}),
      })
      .send(await readPacked(file, coding ?? 'plain'))
  })
}
