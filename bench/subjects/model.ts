import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ready } from '../frame/serving.ts'

/** A model server that answers a stream at once: what is left of the time is who stands before it. */
const events = [
  'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hello"}\n\n',
  'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1","usage":{"input_tokens":4,"output_tokens":1}}}\n\n',
]
const server = createServer((asked, answer) => {
  asked.resume().once('end', () => {
    answer.writeHead(200, { 'content-type': 'text/event-stream' })
    answer.write(events[0])
    setImmediate(() => answer.end(events[1]))
  })
})
server.listen(0, '127.0.0.1', () => ready((server.address() as AddressInfo).port, null))
