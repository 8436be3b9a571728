import type { Mutant } from './mutant.ts'

const tests = 'pairing.test.ts'

export const pairings: readonly Mutant[] = [
  {
    name: 'what was allowed starts one session',
    file: 'store/pairings.ts',
    find: ' AND consumed_at IS NULL',
    replace: '',
    tests,
    named: 'used once',
  },
  {
    name: 'a device is answered once',
    file: 'store/pairings.ts',
    find: "const waits = 'allowed_at IS NULL AND denied_at IS NULL AND expires_at",
    replace: "const waits = 'expires_at",
    tests,
    named: 'nobody is let in after that',
  },
  {
    name: 'a device waits between two polls',
    file: 'store/pairings.ts',
    find: 'return row?.hurried_at === null',
    replace: 'return row !== undefined',
    tests,
    named: 'polls too soon',
  },
  {
    name: 'and longer once it did not',
    file: 'store/pairings.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of the source
    find: 'THEN interval_ms + ${slowerMs}',
    replace: 'THEN interval_ms + 0',
    tests,
    named: 'polls too soon',
  },
  {
    name: 'nothing rests on a session that was ended',
    file: 'store/pairings.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of the source
    find: ' AND ${stands} RETURNING',
    replace: ' RETURNING',
    tests,
    named: 'a session that was ended',
  },
  {
    name: 'guesses of user codes are counted',
    file: 'auth/pairing.ts',
    find: 'if (waitMs > 0) {',
    replace: 'if (waitMs > 1e15) {',
    tests,
    named: 'guessing user codes',
  },
  {
    name: 'a request ends',
    file: 'auth/pairing.ts',
    find: "  if (now >= pairing.expires_at) throw new ApiError('DEVICE_CODE_EXPIRED')\n",
    replace: '',
    tests,
    named: 'ends after ten minutes',
  },
  {
    name: 'a weak session lets no device in',
    file: 'auth/pairing.ts',
    find: 'sessionId, amr } = requireProvenSession(call)',
    replace: 'sessionId, amr } = requireSignedIn(call)',
    tests,
    named: 'by a recovery code',
  },
  {
    name: 'a device that was let in proves nothing',
    file: 'auth/strong-session.ts',
    find: "  if (signedIn.amr.includes('device')) throw weak('sign_in_again')\n",
    replace: '',
    tests,
    named: 'lets no other in',
  },
  {
    name: 'the session says that it was let in',
    file: 'auth/finish-pairing.ts',
    find: ", 'device']",
    replace: ']',
    tests,
    named: 'by who is signed in elsewhere',
  },
  {
    name: 'the code of a device is stored nowhere',
    file: 'auth/pairing.ts',
    find: "device_hash: keyedHash(key, 'device', deviceCode)",
    replace: 'device_hash: deviceCode',
    tests,
    named: 'neither code',
  },
  {
    name: 'no other site lets a device in',
    file: 'http/hub/device-door.ts',
    find: '  requireOwnPage(app, request)\n',
    replace: '',
    tests,
    named: 'from another site',
  },
]
