import assert from 'node:assert/strict'
import { isIP, SocketAddress } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { clientAddress, sourceOf, trustedProxies } from '../src/http/source.ts'

const nobody = trustedProxies([])
const proxies = trustedProxies(['10.0.0.0/8', '2001:db8:ffff::/48', '192.0.2.7'])

const forgeries = [
  '203.0.113.5',
  '10.1.2.3',
  'unknown',
  '1.2.3.4:99',
  '_hidden',
  '',
  ',',
  '999.1.1.1',
  Array.from({ length: 200 }, () => '203.0.113.5').join(', '),
  '203.0.113.5, 203.0.113.6',
]

describe('attack 012: forged forwarding headers', () => {
  for (const header of forgeries) {
    it(`count for nothing without trusted proxies: ${header.slice(0, 30)}`, () => {
      assert.equal(clientAddress('198.51.100.9', header, nobody), '198.51.100.9')
      assert.equal(clientAddress('198.51.100.9', header, proxies), '198.51.100.9')
    })

    it(`count for nothing left of what the proxy added: ${header.slice(0, 30)}`, () => {
      const forwarded = `${header}, 198.51.100.9`.slice(-4096)
      if (forwarded.split(',').length > 200) return
      assert.equal(clientAddress('10.0.0.1', forwarded, proxies), '198.51.100.9')
      assert.equal(clientAddress('10.0.0.1', `${forwarded}, 10.9.9.9`, proxies), '198.51.100.9')
    })
  }

  for (const header of [
    'unknown',
    '198.51.100.9,',
    '198.51.100.9, 999.1.1.1',
    '198.51.100.9:123456',
    '[198.51.100.9]',
    '[2001:db8::1',
    '2001:db8::1]:80',
    '198.51.100.09',
    '198.51.100.9/32',
    'fe80::1::2',
    ' ',
  ]) {
    it(`count for the proxy when its own word cannot be read: ${header}`, () =>
      assert.equal(clientAddress('10.0.0.1', header, proxies), '10.0.0.1'))
  }

  it('count for the proxy when they are too long to be honest', () => {
    const hops = (count: number) => Array.from({ length: count }, () => '198.51.100.9').join(',')
    assert.equal(clientAddress('10.0.0.1', hops(200), proxies), '198.51.100.9')
    assert.equal(clientAddress('10.0.0.1', hops(201), proxies), '10.0.0.1')
    const padded = `198.51.100.9${' '.repeat(4096)}`
    assert.equal(clientAddress('10.0.0.1', padded, proxies), '10.0.0.1')
  })

  it('never change the answer left of the first stranger, whatever they hold', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.ipV4(), (forged, address) => {
        fc.pre(!proxies.trusts(address))
        assert.equal(clientAddress('10.0.0.1', `${forged},${address}`, proxies), address)
      }),
    )
  })
})

describe('a hop of X-Forwarded-For', () => {
  for (const [hop, address] of [
    ['198.51.100.9:99', '198.51.100.9'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:198.51.100.9', '198.51.100.9'],
    ['[::ffff:c633:6409]:80', '198.51.100.9'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%1.2', 'fe80::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ] as const) {
    it(`is read without port, zone and disguise: ${hop}`, () =>
      assert.equal(clientAddress('10.0.0.1', ` ${hop} `, proxies), address))
  }

  it('is the leftmost when every one is a trusted proxy', () =>
    assert.equal(clientAddress('10.0.0.1', '10.0.0.3, 10.0.0.2', proxies), '10.0.0.3'))

  it('is asked for only when the peer is trusted, in any spelling', () => {
    for (const peer of ['::ffff:10.0.0.1', '::ffff:a00:1', '192.0.2.7', '2001:db8:ffff:9::1']) {
      assert.equal(clientAddress(peer, '198.51.100.9', proxies), '198.51.100.9')
    }
    assert.equal(clientAddress('::ffff:11.0.0.1', '198.51.100.9', proxies), '11.0.0.1')
    assert.equal(clientAddress('10.0.0.1', undefined, proxies), '10.0.0.1')
    assert.equal(clientAddress('', '198.51.100.9', proxies), '')
  })
})

describe('a list of trusted proxies', () => {
  for (const cidr of [
    '10.0.0.0/33',
    '10.0.0.0/0',
    '::/0',
    '2001:db8::/129',
    '10.0.0/8',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '::ffff:10.0.0.0/104',
    '::ffff:10.0.0.0/8',
    'proxy.example',
    '',
  ]) {
    it(`is refused with a sentence that names the entry: "${cidr}"`, () =>
      assert.throws(() => trustedProxies(['10.0.0.0/8', cidr]), {
        message: /^"[^"]*" (is|needs) .*\.$/,
      }))
  }
})

describe('attack 013: rotating addresses', () => {
  it('of one /64 stay one source, and of one /48 one wider source', () => {
    const sources = new Set<string>()
    const wider = new Set<string | undefined>()
    for (let index = 0; index < 300; index++) {
      const subnet = index.toString(16)
      assert.deepEqual(
        sourceOf(`2001:db8:1:${subnet}::1`),
        sourceOf(`2001:0DB8:0001:${subnet}:ffff:0:0:${subnet}`),
      )
      sources.add(sourceOf(`2001:db8:1:${subnet}::1`).source)
      wider.add(sourceOf(`2001:db8:1:${subnet}::1`).wider)
    }
    assert.equal(sources.size, 300)
    assert.deepEqual([...wider], ['2001:db8:1::/48'])
  })

  it('has one spelling', () => {
    assert.deepEqual(sourceOf('2001:db8:0:1::9'), {
      source: '2001:db8:0:1::/64',
      wider: '2001:db8:0::/48',
    })
    assert.deepEqual(sourceOf('198.51.100.9'), { source: '198.51.100.9' })
    assert.deepEqual(sourceOf('no address'), { source: 'unknown' })
  })

  it('never puts two IPv4 addresses into one source, mapped or translated', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [high, low] = hexGroups(address)
        for (const spelling of [
          address,
          `::ffff:${address}`,
          `::FFFF:${high}:${low}`,
          `0:0:0:0:0:ffff:${high}:${low}`,
          `64:ff9b::${address}`,
        ]) {
          assert.deepEqual(sourceOf(spelling), { source: address })
        }
      }),
    )
  })

  it('reads every IPv6 address as the platform does', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        fc.pre(isIP(address) === 6)
        const family = 'ipv6'
        const known = new SocketAddress({ address, family }).address
        const ours = clientAddress(address, undefined, nobody)
        assert.equal(new SocketAddress({ address: mappedAgain(ours), family }).address, known)
        assert.equal(clientAddress(known, undefined, nobody), ours)
      }),
      { numRuns: 500, examples: [['::'], ['::1'], ['1::'], ['1:0:0:2::3'], ['::ffff:1.2.3.4']] },
    )
  })
})

function mappedAgain(address: string): string {
  return isIP(address) === 4 ? `::ffff:${address}` : address
}

function hexGroups(address: string): [string, string] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)]
}
