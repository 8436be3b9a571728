import { systemStore } from '../src/node/index.ts'

/** Run by a test where a key chain is: what is kept before, between and after. */
const store = await systemStore('https://auth.example.com/v1')
const before = await store.read()
await store.write({ token: 'access-of-ada', refreshToken: 'refresh-of-ada' })
const kept = await store.read()
await store.clear()
const after = await store.read()
process.stdout.write(`${before} ${kept?.token} ${after} ${store.place}\n`)
