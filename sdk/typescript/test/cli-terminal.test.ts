import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PASSWORD, scene, wrongCode } from '../../../server/test/freddy.ts'
import { playCase } from '../../cases/case-server.ts'
import { cli, shellOf } from './cli.ts'
import { baseUrlOf, mailedCode } from './server.ts'
import { runOnTerminal } from './terminal.ts'

scene('on a terminal the password is not shown as it is typed', async (freddy, context) => {
  const ada = await freddy.person('ada')
  const { env } = shellOf(context, await baseUrlOf(freddy))
  const screen = await runOnTerminal([process.execPath, cli, 'login'], env, [
    ['E-mail address or user name: ', async () => 'ada'],
    ['Password: ', async () => PASSWORD],
    ['(empty: send another): ', async () => String(wrongCode(await mailedCode(freddy, ada.email)))],
    ['Invalid verification code', async () => mailedCode(freddy, ada.email)],
  ])
  assert.match(screen, /Signed in to/)
  assert.match(screen, /user name: ada/)
  assert.ok(screen.includes('\u001b[32m'), 'with colour')
  assert.equal(screen.includes(PASSWORD), false)
})

test('on a terminal a command says what it waits for', async (context) => {
  const answer = { body: { name: 'ci', scopes: [] } }
  const on = 'GET /v1/api-key'
  const server = await playCase({ server: [{ on, times: 2, gather: 2, answer }] })
  context.after(() => server.down())
  const { env } = shellOf(context, server.baseUrl)
  const { host } = new URL(server.baseUrl)
  const command = [process.execPath, cli, 'whoami']
  const screen = await runOnTerminal(command, { ...env, FREDDY_API_KEY: 'ak_0' }, [
    // Only then the server answers: once two are asking.
    [`Asking ${host} …`, async () => String((await fetch(`${server.baseUrl}/api-key`)).status)],
  ])
  assert.match(screen, /ci\r\n/)
  assert.deepEqual(server.problems(), [])
})
