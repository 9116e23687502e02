/** Abuse cases 1 to 10, as far as they concern the bytes of one envelope. */
import { describe, expect, test } from 'vitest'
import { openSync, sealSync, toBytes } from '../src/index.ts'
import { declareAlterations, isForFastTest, withBitFlipped } from './alterations.ts'
import { codeOf, insecureKeyring } from './keys.ts'
import { keyringOf, unhex, vectors } from './vectors.ts'

const ours = vectors.valid[0]!

declareAlterations(vectors.valid.filter(isForFastTest))

test('abuse 1: of two entries, every bit outside the entry that opening did not use is refused', () => {
  const one = vectors.valid.find(({ name }) => name === 'two local keys')!
  const bytes = unhex(one.envelope)
  const [slots, wrapped] = [6, 42]
  // The first key opens: the second slot (18 bytes) and the second wrapped key (40 bytes behind its length) are not used.
  const unused = (at: number): boolean => (at >= slots + 18 && at < slots + 36) || (at >= wrapped + 44 && at < wrapped + 84)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    if (!unused(bit >> 3) && opensWithFirstKeyOnly(withBitFlipped(bytes, bit), one)) expect.fail(`bit ${bit} was not refused`)
  }
})

function opensWithFirstKeyOnly(bytes: Uint8Array, one: typeof ours): boolean {
  return codeOf(() => openSync(keyringOf(one.keks.slice(0, 1)), bytes, one.context)) === undefined
}

test('abuse 3: refused with any byte behind it', () => {
  const bytes = unhex(ours.envelope)
  for (let byte = 0; byte < 256; byte++) {
    expect(codeOf(() => openSync(keyringOf(ours.keks), Uint8Array.from([...bytes, byte]), ours.context))).toBe('ERR_ENVELOPE_MALFORMED')
  }
})

test('abuse 4: a tag of 0 to 15 bytes is refused, whatever the length field says', () => {
  const bytes = unhex(ours.envelope)
  const length = ours.plaintext.length / 2
  for (let cut = 1; cut <= 16; cut++) {
    const shorter = bytes.slice(0, -cut)
    expect(codeOf(() => openSync(keyringOf(ours.keks), shorter, ours.context))).toBe('ERR_ENVELOPE_MALFORMED')
    if (cut > length) continue
    shorter[101] = length - cut
    expect(codeOf(() => openSync(keyringOf(ours.keks), shorter, ours.context))).toBe('ERR_NOT_AUTHENTIC')
  }
})

test('abuse 5: a length of 0xffffffff is refused before anything is allocated', () => {
  const bytes = unhex(ours.envelope)
  bytes.fill(0xff, 98, 102)
  const before = process.memoryUsage().arrayBuffers
  expect(codeOf(() => openSync(keyringOf(ours.keks), bytes, ours.context))).toBe('ERR_LIMIT')
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
})

describe('abuse 6: unknown version, suite, flag', () => {
  const expected = (at: number, value: number): string =>
    at === 2
      ? value > 0 && value < 0x20
        ? 'ERR_ENVELOPE_VERSION'
        : 'ERR_NOT_SEALED'
      : at === 3
        ? 'ERR_ENVELOPE_SUITE'
        : 'ERR_ENVELOPE_FLAGS'
  test.each([
    [2, 'version', 1],
    [3, 'suite', 1],
    [4, 'flags', 0],
  ])('abuse 6: every other value of byte %d (%s) is refused by its code', (at, _name, known) => {
    for (let value = 0; value < 256; value++) {
      if (value === known) continue
      const bytes = unhex(ours.envelope)
      bytes[at] = value
      expect(codeOf(() => openSync(keyringOf(ours.keks), bytes, ours.context))).toBe(expected(at, value))
    }
  })
})

test('abuse 7: the body under a second data key is a commitment error', () => {
  const keyring = insecureKeyring('a')
  const one = sealSync(keyring, 'first', ours.context)
  const other = sealSync(keyring, 'second', ours.context)
  one.set(other.subarray(26, 66), 26) // the other record's wrapped key, valid in itself
  expect(codeOf(() => openSync(keyring, one, ours.context))).toBe('ERR_KEY_COMMITMENT')
})

test('abuse 8: envelopes of two rows or two columns, swapped, are not authentic', () => {
  const keyring = insecureKeyring('a')
  const at = (column: string, id: string) => ({ table: 'users', column, id })
  const envelope = sealSync(keyring, 'secret', at('ssn', '1'))
  expect(codeOf(() => openSync(keyring, envelope, at('ssn', '2')))).toBe('ERR_NOT_AUTHENTIC')
  expect(codeOf(() => openSync(keyring, envelope, at('dob', '1')))).toBe('ERR_NOT_AUTHENTIC')
})

test('abuse 9: an older envelope of the same record opens, as docs/format.md says under "Rollback"', () => {
  const keyring = insecureKeyring('a')
  const older = sealSync(keyring, 'old', ours.context)
  sealSync(keyring, 'new', ours.context)
  expect(Buffer.from(openSync(keyring, older, ours.context)).toString()).toBe('old')
})

test.each([
  ['plaintext', '078-05-1120'],
  ['nothing', ''],
  ['a JWE', 'eyJhbGciOiJBMjU2R0NNS1ciLCJlbmMiOiJBMjU2R0NNIn0.AAAA.BBBB.CCCC.DDDD'],
  ['cloak', 'v1.aesgcm256.710bb0e2.dGVzdA==.dGVzdA=='],
  ['a Vault ciphertext', 'vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w=='],
  ['age', new TextEncoder().encode('age-encryption.org/v1\n')],
  ['an AWS envelope', Uint8Array.of(2, 5, 0x78, 0, 0)],
] as const)('abuse 10: %s is not sealed', (_name, value) => {
  expect(codeOf(() => openSync(insecureKeyring('a'), value, {}))).toBe('ERR_NOT_SEALED')
  if (typeof value === 'string') expect(codeOf(() => toBytes(value))).toBe('ERR_NOT_SEALED')
})
