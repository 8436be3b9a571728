import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { domainToUnicode } from 'node:url'
import fc from 'fast-check'
import { looksLikeEmail, parseEmailAddress } from '../src/auth/email-address.ts'

const address = (text: string) => parseEmailAddress(text)?.address ?? null
const mailbox = (text: string) => parseEmailAddress(text)?.mailbox ?? null

/** What we promise to store and to mail to, said once more and differently. */
const PROMISE = /^[a-z0-9_!#$&'*+/=?^{|}~.-]{1,64}@(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+$/

describe('an e-mail address', () => {
  it('is taken as people have it', () => {
    for (const text of [
      'ada@example.com',
      'ada.lovelace+freddy@mail.example.co.uk',
      "o'brien@example.org",
      '1815@example.com',
      'a@b.co',
      'ada@r3---x.example.com',
      'ada@123.example',
      'x_-!#$&*/=?^{|}~@example.com',
    ]) {
      assert.equal(address(text), text)
    }
  })

  it('attack 060: has one spelling, whatever its case', () => {
    assert.equal(address('MIKE@EXAMPLE.com'), 'mike@example.com')
    for (const text of ['m\u0131ke@ex.com', 'mi\u212ae@ex.com', 'm\u0130ke@ex.com', 'é@ex.com']) {
      assert.equal(address(text), null, text)
    }
  })

  it('attack 064: is the same with its domain in letters or in A-labels', () => {
    for (const typed of ['ada@münchen.de', 'ada@MÜNCHEN.de', 'Ada@XN--MNCHEN-3YA.DE']) {
      assert.equal(address(typed), 'ada@xn--mnchen-3ya.de')
    }
    assert.equal(address('ada@faß.de'), 'ada@xn--fa-hia.de')
    assert.equal(address('ada@例え.テスト'), 'ada@xn--r8jz45g.xn--zckzah')
    assert.equal(address('ada@col\u00b7lega.cat'), address('ada@xn--collega-xma.cat'))
  })

  for (const [what, texts] of [
    ['no address', ['', '@', 'ada', 'ada@', '@example.com', 'a@b@example.com']],
    ['attack 053: lines and controls', ['v@ex.com\r\nBcc: e@evil.com', 'v@ex.com%0d%0a']],
    [
      'attack 053: odd separators',
      ['v\u2028@ex.com', 'v@ex\u2028.com', 'v@ex.com\n', 'v\0@ex.com'],
    ],
    ['attack 054: a second recipient', ['v@ex.com, e@evil.com', 'v@ex.com; e@evil.com']],
    ['attack 054: a name or a group', ['"v@ex.com" <e@evil.com>', '<v@ex.com>', 'g: e@evil.com;']],
    ['attack 054: a quoted local part', ['"e@evil x"@ex.com', '"v"@ex.com', 'v\\@e@ex.com']],
    ['attack 054: a comment', ['v@ex.com(x).evil.com', 'v(x)@ex.com', 'v@(x)ex.com']],
    [
      'attack 054: a route',
      ['v%evil@ex.com', '@evil.com:v@ex.com', 'v@ex%2ecom', 'v@ex%61mple.com'],
    ],
    ['attack 064: spaces', [' v@ex.com', 'v@ex.com ', 'v @ex.com', 'v@ ex.com', 'v@ex.com\t']],
    [
      'attack 064: a dot too many',
      ['v@ex.com.', 'v@.ex.com', 'v@ex..com', '.v@ex.com', 'v.@ex.com'],
    ],
    ['attack 064: two dots', ['v..w@ex.com']],
    ['attack 064: a machine, not a domain', ['v@localhost', 'v@[127.0.0.1]', 'v@[IPv6:::1]']],
    ['attack 064: numbers', ['v@127.0.0.1', 'v@0x7f.1', 'v@2130706433', 'v@ex.123', 'v@1.2.3.0x4']],
    [
      'attack 064: full width',
      ['v@\uff45x.com', 'v@ex\uff0ecom', 'v\uff20ex.com', 'v@ex\u3002com'],
    ],
    ['other shapes', ['v@\u24d4x.com', 'v@\u212alm.com', 'v@cafe\u0301.fr', 'v@ex\u2100.com']],
    ['labels of no host', ['v@-ex.com', 'v@ex-.com', 'v@e_x.com', 'v@ex.com:25', 'v@ex.com/..']],
    ['broken A-labels', ['v@xn--a.com', 'v@xn--.com', 'v@xn--abc-.com', 'v@xn--a-ecp.ru']],
    ['A-labels of other spellings', ['v@xn--wca.de', 'v@xn--ex-8tb.fr', 'v@xn--ab-5da.com']],
    ['A-labels that hide a mark', ['v@xn--mgba3gch31f060k.com', 'v@نامه\u200cای.com']],
    ['signs as labels', ['v@\u{1f4a9}.la', 'v@xn--ls8h.la', 'v@xn--cafe-yvc.fr']],
  ] as const) {
    it(`is refused: ${what}`, () => {
      for (const text of texts) assert.equal(parseEmailAddress(text), null, JSON.stringify(text))
    })
  }

  it('attack 064: holds nothing that is read over', () => {
    const invisible =
      '\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u2060\u2064\u3164\ufe0f\ufeff'
    for (const mark of invisible) {
      assert.equal(address(`v${mark}@example.com`), null, mark.codePointAt(0)?.toString(16))
      assert.equal(address(`v@exam${mark}ple.com`), null, mark.codePointAt(0)?.toString(16))
      assert.equal(address(`v@ex\u00e4m${mark}ple.com`), null, mark.codePointAt(0)?.toString(16))
    }
  })

  it('attack 064: has 64 characters before the sign, 63 a label and 254 in all, at most', () => {
    const label = 'a'.repeat(63)
    const domain = `${label}.${label}.${'a'.repeat(61)}`
    assert.equal(address(`${'v'.repeat(64)}@example.com`)?.length, 76)
    assert.equal(address(`${'v'.repeat(65)}@example.com`), null)
    assert.equal(address(`v@${label}a.com`), null)
    assert.equal(address(`v@${'ü'.repeat(80)}.de`), null)
    assert.equal(address(`${'v'.repeat(64)}@${domain}`)?.length, 254)
    assert.equal(address(`${'v'.repeat(64)}@${domain}a`), null)
    assert.equal(address(`v@${'a.'.repeat(500_000)}com`), null)
  })

  it('attack 066: is within our grammar and means itself, whatever was typed', () => {
    const odd = fc.constantFrom(
      '@',
      '.',
      '+',
      '-',
      'xn--',
      'a',
      'K',
      'ü',
      'ß',
      '\u00ad',
      '%',
      '١',
      '"',
    )
    const typed = fc.array(fc.oneof(odd, fc.string({ unit: 'binary', maxLength: 2 })))
    const shaped = fc.tuple(
      fc.string({ maxLength: 4 }),
      fc.string({ unit: 'grapheme', minLength: 1 }),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          typed.map((parts) => parts.join('')),
          typed.map((parts) => `v@${parts.join('')}.com`),
          shaped.map(([local, domain]) => `v${local}@${domain}.com`),
          fc.emailAddress(),
        ),
        (text) => {
          const parsed = parseEmailAddress(text)
          if (parsed === null) return
          assert.match(parsed.address, PROMISE)
          assert.deepEqual(parseEmailAddress(parsed.address), parsed)
          const [local = '', domain = ''] = parsed.address.split('@')
          const shown = `${local.toUpperCase()}@${domainToUnicode(domain)}`
          assert.deepEqual(parseEmailAddress(shown), parsed)
        },
      ),
      { numRuns: 5000 },
    )
  })
})

describe('a mailbox', () => {
  it('is one for all its tags, though each tag is an address of its own', () => {
    assert.equal(address('Ada+one@example.com'), 'ada+one@example.com')
    assert.equal(mailbox('Ada+one@example.com'), 'ada@example.com')
    assert.equal(mailbox('ada+one+two@example.com'), 'ada@example.com')
    assert.equal(mailbox('a.da@example.com'), 'a.da@example.com')
    assert.equal(mailbox('+ada@example.com'), '+ada@example.com')
  })

  it('is one for all dots where the provider ignores them', () => {
    for (const text of ['a.d.a@gmail.com', 'ADA+x@googlemail.com', 'ada@GMAIL.com']) {
      assert.equal(mailbox(text), 'ada@gmail.com')
    }
    assert.equal(mailbox('a.da@gmail.com.example.org'), 'a.da@gmail.com.example.org')
  })

  it('is told from a user name by its sign', () => {
    assert.equal(looksLikeEmail('ada@example'), true)
    assert.equal(looksLikeEmail('ada.lovelace'), false)
  })
})
