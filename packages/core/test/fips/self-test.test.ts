/** The self-test finds each single thing that could be out of order. */
import { describe, expect, test } from 'vitest'
import * as noble from '../../src/backend-noble.ts'
import * as node from '../../src/backend-node.ts'
import type { Backend } from '../../src/cipher.ts'
import { selfTest } from '../../src/fips-self-test.ts'

const throwing = (): never => {
  throw new Error('unsupported')
}
const oneBitOff = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte))
const kwp = (made: (good: ReturnType<Backend['aesKwp']>) => Partial<ReturnType<Backend['aesKwp']>>): Partial<Backend> => ({
  aesKwp: (kek) => ({ ...node.aesKwp(kek), ...made(node.aesKwp(kek)) }),
})
const stream = (made: (good: ReturnType<Backend['gcmStream']>) => Partial<ReturnType<Backend['gcmStream']>>): Partial<Backend> => ({
  gcmStream: (key) => ({ ...node.gcmStream(key), ...made(node.gcmStream(key)) }),
})

test.each([
  ['node:crypto', node],
  ['@noble', noble],
])('%s passes', (_, backend) => expect(() => selfTest(backend)).not.toThrow())

const broken: ReadonlyArray<[string, Partial<Backend>, named: string]> = [
  ['no SHA-256', { sha256: throwing }, 'SHA-256'],
  ['a wrong SHA-256', { sha256: (message) => oneBitOff(node.sha256(message)) }, 'SHA-256'],
  ['no HMAC-SHA-256', { hmacSha256: throwing }, 'HMAC-SHA-256'],
  ['a wrong HMAC-SHA-256', { hmacSha256: (...args) => oneBitOff(node.hmacSha256(...args)) }, 'HMAC-SHA-256'],
  ['no HMAC-SHA-512', { hmacSha512: throwing }, 'HMAC-SHA-512'],
  ['a wrong HMAC-SHA-512', { hmacSha512: (...args) => oneBitOff(node.hmacSha512(...args)) }, 'HMAC-SHA-512'],
  ['no AES-GCM', { gcmEncrypt: throwing }, 'AES-256-GCM'],
  ['a wrong ciphertext', { gcmEncrypt: (...args) => ({ ...node.gcmEncrypt(...args), ciphertext: new Uint8Array(32) }) }, 'AES-256-GCM'],
  ['a wrong tag', { gcmEncrypt: (...args) => ({ ...node.gcmEncrypt(...args), tag: new Uint8Array(16) }) }, 'AES-256-GCM'],
  ['a cut ciphertext', { gcmEncrypt: (...args) => ({ ...node.gcmEncrypt(...args), ciphertext: new Uint8Array(0) }) }, 'AES-256-GCM'],
  ['no GCM decryption', { gcmDecrypt: () => undefined }, 'AES-256-GCM'],
  ['a wrong GCM decryption', { gcmDecrypt: (_, { tag }) => (tag[15] === 0x57 ? new Uint8Array(32) : undefined) }, 'AES-256-GCM'],
  ['a tag that is not looked at', { gcmDecrypt: () => node.gcmDecrypt(gcmCase, gcmCase) }, 'AES-256-GCM'],
  ['no stream', { gcmStream: throwing }, 'AES-256-GCM of streams'],
  ['a stream that seals nothing', stream(() => ({ seal: () => undefined })), 'AES-256-GCM of streams'],
  ['a stream in clear', stream(() => ({ seal: (_, plaintext, out) => out.set(plaintext) })), 'AES-256-GCM of streams'],
  [
    'a stream under another nonce',
    stream((good) => ({
      seal: (nonce, ...rest) => good.seal(oneBitOff(nonce), ...rest),
      open: (nonce, ...rest) => good.open(oneBitOff(nonce), ...rest),
    })),
    'AES-256-GCM of streams',
  ],
  [
    'a stream in another key',
    { gcmStream: (key) => node.gcmStream(oneBitOff(key)) },
    'AES-256-GCM of streams',
  ],
  ['a stream that opens nothing', stream(() => ({ open: () => false })), 'AES-256-GCM of streams'],
  ['a stream that opens anything', stream(() => ({ open: () => true })), 'AES-256-GCM of streams'],
  [
    'a stream that opens wrongly',
    stream((good) => ({ open: (...args) => good.open(...args) && (args[2].fill(0), true) })),
    'AES-256-GCM of streams',
  ],
  ['no key wrap', { aesKwp: throwing }, 'AES-256-KWP'],
  ['a wrong wrap', kwp((good) => ({ wrap: (secret) => oneBitOff(good.wrap(secret)) })), 'AES-256-KWP'],
  ['no unwrap', kwp(() => ({ unwrap: () => undefined })), 'AES-256-KWP'],
  ['a wrong unwrap', kwp((good) => ({ unwrap: (wrapped) => good.unwrap(wrapped) && new Uint8Array(32) })), 'AES-256-KWP'],
  ['an unwrap that takes anything', kwp((good) => ({ unwrap: (wrapped) => good.unwrap(wrapped) ?? new Uint8Array(32) })), 'AES-256-KWP'],
  [
    'a wrong batch of wraps',
    kwp((good) => ({ wrapMany: (secrets) => good.wrapMany(secrets).map((wrap, i) => (i === 15 ? oneBitOff(wrap) : wrap)) })),
    'AES-256-KWP',
  ],
  [
    'a wrong batch of unwraps',
    kwp((good) => ({ unwrapMany: (wraps) => good.unwrapMany(wraps).map((dek, i) => (i === 15 ? undefined : dek)) })),
    'AES-256-KWP',
  ],
  [
    'a batch that takes anything',
    kwp((good) => ({ unwrapMany: (wraps) => good.unwrapMany(wraps).map((dek) => dek ?? new Uint8Array(32)) })),
    'AES-256-KWP',
  ],
  ['no random bytes', { randomBytes: throwing }, 'the random generator'],
  ['zeros', { randomBytes: (length) => new Uint8Array(length) }, 'the random generator'],
  ['the same again', { randomBytes: (length) => new Uint8Array(length).map((_, i) => i) }, 'the random generator'],
  ['too few', { randomBytes: () => node.randomBytes(32_767) }, 'the random generator'],
  ['few values', { randomBytes: (length) => node.randomBytes(length).map((byte) => byte | 1) }, 'the random generator'],
]

const gcmCase = {
  key: hexBytes('5853c020946b35f2c58ec427152b840420c40029636adcbb027471378cfdde0f'),
  nonce: hexBytes('eec313dd07cc1b3e6b068a47'),
  aad: hexBytes('1389b522c24a774181700553f0246bbabdd38d6f'),
  ciphertext: hexBytes('eadc3b8766a77ded1a58cb727eca2a9790496c298654cda78febf0da16b6903b'),
  tag: hexBytes('3d49a5b32fde7eafcce90079217ffb57'),
}

function hexBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

describe.each(broken)('%s', (_, part, named) => {
  test('is found, and named', () => {
    const error = ((): unknown => {
      try {
        selfTest({ ...node, ...part })
        return undefined
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toMatchObject({ code: 'ERR_FIPS', message: `the self-test of ${named} failed` })
    expect((error as { hint: string }).hint).toContain('docs/fips.md')
  })
})

test('what the provider said is the cause', () => {
  expect(() => selfTest({ ...node, sha256: throwing })).toThrow(expect.objectContaining({ cause: new Error('unsupported') }))
})
