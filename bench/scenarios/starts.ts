import type { Start } from '../frame/scenario.ts'
import { SECRET } from './secrets.ts'

export const starts: readonly Start[] = [
  {
    name: 'Fastify',
    script: new URL('../subjects/bare.ts', import.meta.url),
    path: '/',
    env: (port) => ({ BENCH_PORT: String(port) }),
  },
  {
    name: 'Freddy Auth',
    script: new URL('../../server/src/main.ts', import.meta.url),
    path: '/livez',
    env: (port, folder) => ({
      PORT: String(port),
      DATA_DIR: folder,
      SECRET_KEY: SECRET,
      LOG_LEVEL: 'error',
    }),
  },
]
