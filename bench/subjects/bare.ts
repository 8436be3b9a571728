import Fastify from 'fastify'

/** The floor of a start: Fastify, and one route that answers. */
const http = Fastify({ logger: false })
http.get('/', async () => ({ ready: true }))
await http.listen({ port: Number(process.env.BENCH_PORT), host: '127.0.0.1' })
