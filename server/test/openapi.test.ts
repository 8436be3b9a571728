import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errors } from '../src/errors.ts'
import { routes } from '../src/routes.ts'
import { databases } from './databases.ts'
import { startFreddy } from './freddy.ts'

test('docs/openapi.json is what the server says of itself', async () => {
  const place = await databases[0].open()
  const freddy = await startFreddy(place.url, 'SQLite')
  const { body } = await freddy.ask('GET /openapi.json')
  await freddy.running.close()
  await freddy.mail.close()
  await place.drop()

  const checkedIn = JSON.parse(
    readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'),
  )
  assert.deepEqual(
    body,
    checkedIn,
    'bring it up to date: npm run freddy-auth -- openapi > docs/openapi.json',
  )

  assert.match(body.openapi, /^3\.1/)
  for (const { method, path, who } of routes) {
    const operation = body.paths[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
    assert.ok(operation, `${method} ${path}`)
    assert.equal(operation.security.length > 0, who !== 'open', path)
    for (const code of operation['x-refusals']) {
      const [status] = errors[code as keyof typeof errors]
      assert.ok(operation.responses[status].description.includes(code), `${path} ${code}`)
    }
  }
})
