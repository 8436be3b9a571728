import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fillPackage } from '../../scripts/packaging/pack.ts'
import { root } from '../../scripts/testing/root.ts'
import type { Start } from '../frame/scenario.ts'
import { SECRET } from './secrets.ts'

const settings = (port: number, folder: string) => ({
  PORT: String(port),
  DATA_DIR: folder,
  SECRET_KEY: SECRET,
  LOG_LEVEL: 'error',
})

export const starts: readonly Start[] = [
  {
    name: 'Fastify',
    script: () => new URL('../subjects/bare.ts', import.meta.url),
    path: '/',
    env: (port) => ({ BENCH_PORT: String(port) }),
  },
  {
    name: 'Freddy Auth, from its sources: npm start',
    script: () => new URL('../../server/src/main.ts', import.meta.url),
    path: '/livez',
    env: settings,
  },
  {
    name: 'Freddy Auth, as published: npx, container, systemd',
    script: packed,
    path: '/livez',
    // It keeps what was compiled beside its data.
    env: (port, folder) => ({ ...settings(port, folder), NODE_COMPILE_CACHE: '' }),
  },
]

/** The package in a folder of the clone, which finds the one package that it needs beside it. */
async function packed(): Promise<URL> {
  const folder = join(root, '.cache', 'bench', 'package')
  await fillPackage(folder)
  return pathToFileURL(join(folder, 'bin', 'freddy-auth.cjs'))
}
