import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isReservedUserName, parseUserName } from '../src/auth/user-name.ts'
import { isCleanText, isSafeName } from '../src/wire/text.ts'

describe('a user name', () => {
  it('is three to a hundred letters, digits, dots, underscores and hyphens', () => {
    for (const name of ['ada', '1815', 'ada.lovelace', 'a_-', '0xa', 'a'.repeat(100)]) {
      assert.equal(parseUserName(name), name)
    }
    for (const name of ['', 'ab', 'a'.repeat(101), '.ada', '-ada', '_ada', 'ada@example.com']) {
      assert.equal(parseUserName(name), null)
    }
  })

  it('has one spelling, whatever is typed, and that spelling means itself', () => {
    assert.equal(parseUserName('Ada.Lovelace'), 'ada.lovelace')
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 8 }), (typed) => {
        const name = parseUserName(typed)
        if (name === null) return
        assert.match(name, /^[a-z0-9][a-z0-9._-]{2,99}$/)
        assert.match(typed, /^[A-Za-z0-9._-]+$/)
        assert.equal(parseUserName(name), name)
      }),
      { numRuns: 2000, examples: [['\u212aelvin'], ['m\u0131ke'], ['\u0130da'], ['\uff41da']] },
    )
  })

  for (const [what, name] of [
    ['attack 060: the Kelvin sign', 'mi\u212ae'],
    ['attack 060: a dotless i', 'm\u0131ke'],
    ['attack 060: a dotted capital I', 'm\u0130ke'],
    ['attack 062: a Cyrillic letter', '\u0430dmin'],
    ['attack 062: full-width letters', '\uff41\uff42\uff43'],
    ['attack 062: a slash', 'rn/m'],
    ['attack 064: a space before', ' ada'],
    ['attack 064: a space behind', 'ada '],
    ['attack 064: a zero-width space', 'ad\u200ba'],
    ['attack 064: NUL', 'ada\0'],
    ['attack 064: a line feed behind', 'ada\n'],
    ['attack 064: writing turned round', 'ada\u202e'],
  ] as const) {
    it(`is refused: ${what}`, () => assert.equal(parseUserName(name), null))
  }

  it('attack 062: does not speak for the house, however it is dressed', () => {
    for (const name of ['admin', 'root', 'support', 'freddy', 'ROOT', 'No-Reply', 'a.d_m-in.']) {
      assert.equal(isReservedUserName(name), true, name)
      assert.equal(parseUserName(name), null, name)
    }
    for (const name of ['adminton', 'rooted', 'freddy2', 'ada']) {
      assert.equal(isReservedUserName(name), false, name)
      assert.equal(parseUserName(name), name)
    }
  })
})

describe('a name that people read', () => {
  it('may be written in any script', () => {
    for (const name of ['Ada Lovelace', "Zoë O'Brien-Łuk", '\u5f20\u4f1f', 'אדה', '👩‍💻 laptop']) {
      assert.equal(isSafeName(name), true, name)
    }
  })

  it('attack 053: holds no line, control or turned writing', () => {
    const marks = ['\r', '\n', '\0', '\t', '\x7f', '\x85', '\u2028', '\u2029', '\u202e', '\u2066']
    for (const mark of marks) {
      assert.equal(isCleanText(`Ada${mark}Bcc: eve@example.com`), false, JSON.stringify(mark))
      assert.equal(isSafeName(`Ada${mark}Bcc`), false, JSON.stringify(mark))
    }
  })

  it('attack 069: holds no half of a character', () => {
    assert.equal(isCleanText('\ud800'), false)
    assert.equal(isCleanText('a\udc00b'), false)
    assert.equal(isCleanText('\ud83d\ude00 \uffff'), true)
  })

  it('shows something, and no more than 64 characters of it', () => {
    for (const name of ['', '  ', '\u200b', '\u3164', 'a'.repeat(65), '\u{1f600}'.repeat(65)]) {
      assert.equal(isSafeName(name), false)
    }
    assert.equal(isSafeName('\u{1f600}'.repeat(64)), true)
  })

  it('carries no link into a letter', () => {
    for (const name of ['http://a.example', 'see WWW.a.example', '\uff57ww.a', 'x\uff1a//a']) {
      assert.equal(isSafeName(name), false, name)
    }
  })
})
