import { answerTo, isQuestion } from '../auth/deploy-proof.ts'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { spendLook } from './guards.ts'
import type { Http } from './server.ts'

/** What proxies add to a request, and what callers pretend that they added. */
const told = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'cf-connecting-ip',
  'true-client-ip',
]

/**
 * `/deploy-check` tells `freddy-auth deploy-check` what arrived of its own request: who is at the socket, and what is said of
 * who was before. It is there for whoever has the secret, and for a minute each; for all others it is not there.
 */
export function deployDoor(app: App, http: Http): void {
  http.get('/deploy-check', async (request, reply) => {
    await spendLook(app, request)
    const question = String(request.headers['freddy-deploy-check'] ?? '')
    if (!isQuestion(app.keyring, question, app.now())) throw new ApiError('RESOURCE_NOT_FOUND')
    const { remoteAddress = '', remotePort = 0, localPort = 0 } = request.raw.socket
    const { headers } = request
    return reply.header('cache-control', 'no-store').send({
      answer: answerTo(app.keyring, question),
      peer: { address: remoteAddress.replace(/^::ffff:/, ''), port: remotePort },
      port: localPort,
      headers: Object.fromEntries(
        told.flatMap((name) =>
          headers[name] === undefined ? [] : [[name, String(headers[name])]],
        ),
      ),
      believed: request.origin.address,
      trusted_proxies: app.config.trustedProxies,
      now: app.now(),
    })
  })
}
