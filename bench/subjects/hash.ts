import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import Fastify from 'fastify'
import { createHasher } from '../../server/src/workers/hasher.ts'
import { ready } from '../frame/serving.ts'

/** The floor of a sign-in: the password's hash on as many threads, and nothing around it. */
const hasher = createHasher({ threads: availableParallelism() })
const stored = await hasher.hash('correct horse battery staple')
const http = Fastify({ logger: false })
http.post<{ Body: { password: string } }>('/v1/auth/login', async ({ body }) => ({
  right: await hasher.verify(stored, body.password),
}))
await http.listen({ port: 0, host: '127.0.0.1' })
ready((http.server.address() as AddressInfo).port, null, () => hasher.close())
