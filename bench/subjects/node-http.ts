import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ready } from '../frame/serving.ts'
import { echoAnswer, echoHeaders } from './answer.ts'

/** Below the floor: Node's own server, which reads the body as it comes and checks nothing of it. */
const server = createServer((request, response) => {
  let text = ''
  request.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  request.on('end', () => {
    const { messages } = JSON.parse(text) as { messages: { content: string }[] }
    const answer = JSON.stringify(echoAnswer(messages[0]?.content ?? ''))
    response.writeHead(200, {
      ...echoHeaders,
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(answer),
    })
    response.end(answer)
  })
})
server.listen(0, '127.0.0.1', () => ready((server.address() as AddressInfo).port, null))
