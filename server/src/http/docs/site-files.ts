import { readdirSync, readFileSync } from 'node:fs'
import { ApiError } from '../../errors.ts'
import type { Http } from '../server.ts'

const folder = new URL('../../../../docs/', import.meta.url)
const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/** The style, the script and the pictures of the documentation: read once, asked for again after an upgrade. */
export function siteFiles(http: Http): void {
  for (const place of ['site', 'pictures']) {
    const names = new Set(readdirSync(new URL(`${place}/`, folder)))
    http.get<{ Params: { file: string } }>(`/docs/${place}/:file`, async (request, reply) => {
      const { file } = request.params
      const type = types[file.split('.').at(-1) ?? '']
      if (!names.has(file) || !type) throw new ApiError('RESOURCE_NOT_FOUND')
      return reply
        .headers({ ...headers, 'content-type': type })
        .send(readFileSync(new URL(`${place}/${file}`, folder)))
    })
  }
}

const headers = {
  'cache-control': 'max-age=300',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
