import { readdirSync, readFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { ApiError } from '../../errors.ts'
import type { Http } from '../server.ts'

const folder = new URL('../../../../hub/dist/', import.meta.url)
const types: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
}

interface Asset {
  readonly type: string
  readonly plain: Buffer
  readonly gzip: Buffer
  readonly br: Buffer
}

/** The files of the Hub, read and packed once. Their names hold their hashes, so that a browser may keep them. */
const assets: ReadonlyMap<string, Asset> = new Map(
  readdirSync(folder)
    .filter((name) => /\.(js|css)$/.test(name))
    .map((name) => [name, readAsset(name)]),
)

function readAsset(name: string): Asset {
  const plain = readFileSync(new URL(name, folder))
  const br = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
  return { type: types[name.split('.').at(-1) ?? ''] ?? '', plain, gzip: gzipSync(plain), br }
}

/** Where the file of this name and ending is served. */
export function assetPath(name: string, ending: 'js' | 'css'): string {
  const pattern = new RegExp(`^${name.replace('.', '\\.')}-[A-Z0-9]+\\.${ending}$`)
  const file = [...assets.keys()].find((each) => pattern.test(each))
  if (!file) throw new Error(`hub/dist holds no ${name}.${ending}: npm start makes it`)
  return `/hub/assets/${file}`
}

export function serveAssets(http: Http): void {
  http.get<{ Params: { file: string } }>('/hub/assets/:file', async (request, reply) => {
    const asset = assets.get(request.params.file)
    if (!asset) throw new ApiError('RESOURCE_NOT_FOUND')
    const accepted = String(request.headers['accept-encoding'] ?? '')
    const coding = (['br', 'gzip'] as const).find((name) => accepted.includes(name))
    return reply
      .headers({
        'content-type': asset.type,
        'cache-control': 'public, max-age=31536000, immutable',
        vary: 'accept-encoding',
        ...(coding ? { 'content-encoding': coding } : {}),
      })
      .send(asset[coding ?? 'plain'])
  })
}
