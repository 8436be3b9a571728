import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startProxy } from '../../scripts/testing/proxies.ts'
import { isQuestion, makeQuestion } from '../src/auth/deploy-proof.ts'
import { checkDeployment } from '../src/deploy/deploy-check.ts'
import { judgeHsts, judgeTls } from '../src/deploy/encryption.ts'
import { FORGED, judgeHops, type Seen } from '../src/deploy/hops.ts'
import { judgeDkim, judgeDmarc, judgeSpf } from '../src/deploy/mail-names.ts'
import { DAY, type Freddy, MINUTE, scene } from './freddy.ts'
import { shellBeside } from './shell.ts'

const none = async () => {
  throw Object.assign(new Error('nothing there'), { code: 'ENODATA' })
}

async function placeOf({ running }: Freddy): Promise<string> {
  const address = await running.http.listen({ port: 0, host: '127.0.0.1' })
  return new URL(address).host
}

/** What the check finds at an address, by name. */
async function check(freddy: Freddy, url: string) {
  const operator = {
    app: freddy.running.app,
    checkMail: async () => {},
    checkSecret: async () => {},
    countsTogether: async () => true,
    close: async () => {},
  }
  const wish = { url: new URL(url), dkimSelector: undefined, lookUp: none }
  const found = await checkDeployment(operator, wish)
  return (name: string) => found.find((each) => each.check === name) ?? assert.fail(name)
}

const here = { PUBLIC_URL: 'http://127.0.0.1' }

for (const name of ['nginx in front', 'caddy in front'] as const) {
  scene(
    `the check finds ${name.split(' ')[0]} before the server, and what to write for it`,
    async (freddy, context) => {
      const proxy = await startProxy(name, { freddy: await placeOf(freddy) })
      context.after(() => proxy.stop())
      const found = await check(freddy, proxy.base)
      assert.equal(found('reached').state, 'good', found('reached').told)
      assert.equal(found('hops').state, 'bad')
      assert.match(found('hops').told, /^127\.0\.0\.1 is a proxy that is not believed/)
      assert.equal(found('hops').next, 'TRUSTED_PROXIES=127.0.0.1')
      assert.match(found('headers').told, /x-forwarded-for: 127\.0\.0\.1/)
      assert.equal(found('trail').state, 'good')
    },
    { env: here },
  )

  scene(
    `the check is content with ${name.split(' ')[0]} as it stands in the documentation`,
    async (freddy, context) => {
      const proxy = await startProxy(name, { freddy: await placeOf(freddy) })
      context.after(() => proxy.stop())
      const found = await check(freddy, proxy.base)
      assert.equal(found('hops').state, 'good', found('hops').told)
      assert.match(found('hops').told, /^TRUSTED_PROXIES=127\.0\.0\.1;/)
      assert.equal(found('doors').state, 'good')
      assert.equal(found('public').state, 'bad')
      assert.equal(found('public').next, `PUBLIC_URL=${proxy.base}`)
      assert.match(found('spf').next ?? '', /^A TXT record at localhost: v=spf1/)
    },
    { env: { ...here, TRUSTED_PROXIES: '127.0.0.1' } },
  )
}

scene(
  'the check finds a proxy that lets callers name any address, and one that tells none',
  async (freddy, context) => {
    const place = await placeOf(freddy)
    const line = 'proxy_set_header X-Forwarded-For $remote_addr;'
    const lax = await startProxy('nginx in front', {
      freddy: place,
      instead: { [line]: 'proxy_set_header X-Forwarded-For $http_x_forwarded_for;' },
    })
    context.after(() => lax.stop())
    const spoofed = (await check(freddy, lax.base))('hops')
    assert.equal(spoofed.state, 'bad')
    assert.match(spoofed.told, /passes on X-Forwarded-For as callers write it/)

    const mute = await startProxy('nginx in front', {
      freddy: place,
      instead: { [line]: 'proxy_set_header X-Forwarded-For "";' },
    })
    context.after(() => mute.stop())
    assert.match((await check(freddy, mute.base))('hops').told, /everybody shares its limits/)

    const direct = (await check(freddy, `http://${place}`))('hops')
    assert.equal(direct.state, 'bad')
    assert.match(direct.told, /no proxy is there, and callers may name any address/)
  },
  { env: { ...here, TRUSTED_PROXIES: '127.0.0.1' } },
)

scene(
  'a server that is reached directly believes nobody, and that is good',
  async (freddy) => {
    const found = await check(freddy, `http://${await placeOf(freddy)}`)
    assert.equal(found('hops').told, 'none stands before the server')
    assert.equal(found('tls').state, 'note')
    assert.equal(found('time').state, 'good')
  },
  { env: here },
)

scene('an address of somebody else is told from ours', async (freddy) => {
  const found = await check(freddy, 'http://127.0.0.1:1')
  assert.match(found('reached').told, /does not answer \(ECONNREFUSED\)/)
  const { status, text } = shellBeside(freddy, ['deploy-check', 'auth.example.com'])
  assert.equal(status, 1)
  assert.match(text, /auth\.example\.com is no address such as https:/)
})

scene(
  'attack 113: what arrived is told to whoever has the secret, for a minute, and to nobody else',
  async (freddy) => {
    const { keyring } = freddy.running.app
    const ask = (question?: string) =>
      freddy.ask('GET /deploy-check', {
        headers: { ...(question ? { 'freddy-deploy-check': question } : {}) },
      })
    const question = makeQuestion(keyring, freddy.now())
    assert.equal((await ask(question)).status, 200)
    assert.equal((await ask()).status, 404)
    const other = question.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
    for (const wrong of [other, `${question}x`, question.slice(1), 'x'])
      assert.equal((await ask(wrong)).status, 404, wrong)
    freddy.pass(MINUTE)
    assert.equal((await ask(question)).status, 404)
    assert.equal(
      isQuestion(keyring, makeQuestion(keyring, freddy.now() + DAY), freddy.now()),
      false,
    )
    let status = 404
    for (let count = 0; count < 130 && status === 404; count++) status = (await ask('x')).status
    assert.equal(status, 429)
  },
)

const seen = (chain: string, trusted: string[], believed: string, peer = '10.0.0.2'): Seen => ({
  peer: { address: peer, port: 1 },
  port: 3000,
  headers: chain ? { 'x-forwarded-for': chain } : {},
  believed,
  trusted,
})
const judged = (plain: Seen, forged: Seen) =>
  judgeHops({ plain, forged, localPort: 2, remotePort: 443 })

test('of several proxies each is named, and the address before the first is the caller', () => {
  const caller = '198.51.100.9'
  const chain = `${caller}, 172.16.0.5`
  const missing = judged(
    seen(chain, ['10.0.0.2'], '172.16.0.5'),
    seen(`${FORGED}, ${chain}`, ['10.0.0.2'], '172.16.0.5'),
  )
  assert.equal(missing.next, 'TRUSTED_PROXIES=172.16.0.5,10.0.0.2')
  const all = ['10.0.0.0/24', '172.16.0.5']
  const whole = judged(seen(chain, all, caller), seen(`${FORGED}, ${chain}`, all, caller))
  assert.equal(whole.state, 'good')
  assert.match(
    whole.told,
    /^TRUSTED_PROXIES=172\.16\.0\.5,10\.0\.0\.2; .* seen as 198\.51\.100\.9$/,
  )
})

test('a port that is the same by chance is not taken for the absence of a proxy', () => {
  const caller = '198.51.100.9'
  const same = { ...seen('', [], '10.0.0.2'), peer: { address: '10.0.0.2', port: 2 } }
  const { told } = judged(same, seen(`${FORGED}, ${caller}`, [], '10.0.0.2'))
  assert.match(told, /^10\.0\.0\.2 stands before the server/)
})

test('a list of proxies that holds callers too is refused', () => {
  const caller = '198.51.100.9'
  for (const wide of [
    ['10.0.0.2', '198.51.100.0/24'],
    ['10.0.0.2', '128.0.0.0/1'],
  ]) {
    const { state, told } = judged(
      seen(caller, wide, caller),
      seen(`${FORGED}, ${caller}`, wide, caller),
    )
    assert.equal(state, 'bad')
    assert.match(told, /callers may name any address/)
  }
})

test('mail is judged by what names say', async () => {
  const says = (text: string) => async () => [[text.slice(0, 5), text.slice(5)]]
  assert.equal((await judgeSpf('a.example', none)).state, 'bad')
  assert.equal((await judgeSpf('a.example', says('v=spf1 mx -all'))).state, 'good')
  assert.equal((await judgeSpf('a.example', says('v=spf1 +all'))).state, 'bad')
  assert.equal((await judgeDmarc('a.example', none)).state, 'bad')
  assert.equal((await judgeDmarc('a.example', says('v=DMARC1; p=none'))).state, 'note')
  assert.equal((await judgeDmarc('a.example', says('v=DMARC1; p=reject'))).state, 'good')
  assert.equal((await judgeDkim('a.example', undefined, none)).state, 'note')
  assert.equal((await judgeDkim('a.example', 'one', none)).state, 'bad')
  assert.equal((await judgeDkim('a.example', 'one', says('v=DKIM1; p=MIGf'))).state, 'good')
  const down = async () => {
    throw Object.assign(new Error('x'), { code: 'ESERVFAIL' })
  }
  await assert.rejects(judgeSpf('a.example', down), /could not be looked up \(ESERVFAIL\)/)
})

test('certificates that end soon, and browsers that are not told to stay, are found', () => {
  const url = new URL('https://auth.example.com')
  const heard = {
    status: 200,
    headers: {},
    text: '',
    localPort: 1,
    remotePort: 443,
    certificateEnds: 0,
  }
  const states = [2, 10, 60].map(
    (days) => judgeTls(url, { ...heard, certificateEnds: days * DAY }, 0).state,
  )
  assert.deepEqual(states, ['bad', 'note', 'good'])
  assert.equal(judgeTls(new URL('http://auth.example.com'), heard, 0).state, 'bad')
  const hsts = (value: string) =>
    judgeHsts(url, { ...heard, headers: { 'strict-transport-security': value } }).state
  assert.deepEqual([hsts('max-age=31536000'), hsts('max-age=60'), hsts('')], ['good', 'bad', 'bad'])
})
