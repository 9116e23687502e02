/** Both backends: published answers, the same bytes from both, and every size but ours refused. Corpora of others: primitives.test.ts. */
import { createCipheriv, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as noble from '../src/backend-noble.ts'
import * as node from '../src/backend-node.ts'
import { codeOf, insecureKey } from './keys.ts'
import { overwritten } from './overwritten.ts'
import { hex, unhex } from './vectors.ts'

const key = insecureKey('backends')
const nonce = insecureKey('nonce').slice(0, 12)
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const secretOf = (i: number): Uint8Array => insecureKey(`secret ${i}`)
const flipped = (bytes: Uint8Array, at: number): Uint8Array => Uint8Array.from(bytes).with(at, bytes[at]! ^ 1)
const factOf = (call: () => unknown): string => {
  expect(codeOf(call)).toBe('ERR_ARGUMENT')
  try {
    call()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

/** AES-KWP of a secret of any length, as other programs make it. */
function kwpOf(secret: Uint8Array): Uint8Array {
  const cipher = createCipheriv('id-aes256-wrap-pad', key, unhex('a65959a6'))
  return Buffer.concat([cipher.update(secret), cipher.final()])
}

describe.each([
  ['node:crypto', node, noble],
  ['@noble', noble, node],
] as const)('%s', (_name, backend, other) => {
  test('says who it is', () => {
    expect(node.BACKEND).toEqual({ name: 'node:crypto', fips: true })
    expect(noble.BACKEND).toEqual({ name: '@noble', fips: false })
  })

  test('hashes and MACs as FIPS 180-4 and RFC 4231 say', () => {
    expect(hex(backend.sha256(text('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    const [jefe, message] = [text('Jefe'), text('what do ya want for nothing?')]
    expect(hex(backend.hmacSha256(jefe, message))).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
    expect(hex(backend.hmacSha512(jefe, message))).toBe(
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
    )
  })

  test.each([0, 1, 32, 64, 127, 128, 129, 300])('a MAC by a key of %d bytes is that of other programs, whatever was asked before', (length) => {
    const long = Uint8Array.from({ length }, (_, i) => i * 7 + 1)
    for (const message of [new Uint8Array(0), text('a'), new Uint8Array(64).fill(0xff), new Uint8Array(300).fill(9)]) {
      expect(hex(backend.hmacSha512(long, message))).toBe(createHmac('sha512', long).update(message).digest('hex'))
      expect(hex(backend.hmacSha256(long, message))).toBe(createHmac('sha256', long).update(message).digest('hex'))
    }
  })

  test('a MAC leaves key and message as they were, and gives a buffer of the caller’s own', () => {
    const [mine, message] = [Uint8Array.from(key), text('message')]
    const first = backend.hmacSha512(mine, message)
    const before = hex(first)
    expect(hex(backend.hmacSha512(key, text('another')))).not.toBe(before)
    expect([hex(first), hex(mine), hex(message)]).toEqual([before, hex(key), hex(text('message'))])
  })

  test('what one backend encrypts the other decrypts, and both give the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 40 }), (plaintext, aad) => {
        const input = { key, nonce, aad }
        const sealed = backend.gcmEncrypt(input, plaintext)
        expect([sealed.ciphertext.length, sealed.tag.length]).toEqual([plaintext.length, 16])
        expect(hex(sealed.ciphertext) + hex(sealed.tag)).toBe(Object.values(other.gcmEncrypt(input, plaintext)).map(hex).join(''))
        const opened = other.gcmDecrypt(input, sealed)
        expect(opened).toEqual(plaintext)
        expect(Object.getPrototypeOf(opened)).toBe(Uint8Array.prototype)
      }),
    )
  })

  test('what was altered does not decrypt', () => {
    const input = { key, nonce, aad: text('aad') }
    const sealed = backend.gcmEncrypt(input, text('plaintext'))
    expect(backend.gcmDecrypt({ ...input, aad: text('Aad') }, sealed)).toBeUndefined()
    expect(backend.gcmDecrypt({ ...input, nonce: flipped(nonce, 0) }, sealed)).toBeUndefined()
    expect(backend.gcmDecrypt({ ...input, key: flipped(key, 31) }, sealed)).toBeUndefined()
    expect(backend.gcmDecrypt(input, { ...sealed, tag: flipped(sealed.tag, 15) })).toBeUndefined()
    expect(backend.gcmDecrypt(input, { ...sealed, ciphertext: flipped(sealed.ciphertext, 0) })).toBeUndefined()
  })

  test.each([
    ['a key has 32 bytes, got 16', { key: key.subarray(16) }, undefined],
    ['a key has 32 bytes, got 33', { key: new Uint8Array(33) }, undefined],
    ['a nonce has 12 bytes, got 11', { nonce: nonce.subarray(1) }, undefined],
    ['a nonce has 12 bytes, got 16', { nonce: new Uint8Array(16) }, undefined],
    ['a tag has 16 bytes, got 4', {}, new Uint8Array(4)],
    ['a tag has 16 bytes, got 15', {}, new Uint8Array(15)],
    ['a tag has 16 bytes, got 17', {}, new Uint8Array(17)],
  ])('abuse 4: GCM: %s', (fact, wrong, tag) => {
    const input = { key, nonce, aad: new Uint8Array(0), ...wrong }
    if (tag === undefined) expect(factOf(() => backend.gcmEncrypt(input, new Uint8Array(1)))).toBe(fact)
    expect(factOf(() => backend.gcmDecrypt(input, { ciphertext: new Uint8Array(1), tag: tag ?? new Uint8Array(16) }))).toBe(fact)
  })

  test('the cipher of a stream seals and opens as the other does, and writes nothing of what is altered', () => {
    const [mine, theirs] = [backend.gcmStream(key), other.gcmStream(key)]
    for (const length of [0, 1, 16, 1000]) {
      const plaintext = new Uint8Array(length).fill(0x61)
      const [sealed, same] = [new Uint8Array(length + 16), new Uint8Array(length + 16)]
      mine.seal(nonce, plaintext, sealed)
      theirs.seal(nonce, plaintext, same)
      expect(sealed).toEqual(same)
      const out = new Uint8Array(length).fill(7)
      expect(theirs.open(nonce, flipped(sealed, length), out)).toBe(false)
      expect(theirs.open(flipped(nonce, 11), sealed, out)).toBe(false)
      expect(out).toEqual(new Uint8Array(length).fill(7))
      expect(theirs.open(nonce, sealed, out)).toBe(true)
      expect(out).toEqual(plaintext)
    }
  })

  test('the cipher of a stream refuses other sizes, keeps its key through a wipe of the caller’s, and forgets it when told', () => {
    expect(factOf(() => backend.gcmStream(key.subarray(1)))).toBe('a key has 32 bytes, got 31')
    const mine = Uint8Array.from(key)
    const stream = backend.gcmStream(mine)
    mine.fill(0)
    const [sealed, out] = [new Uint8Array(17), new Uint8Array(1)]
    stream.seal(nonce, Uint8Array.of(5), sealed)
    expect(other.gcmStream(key).open(nonce, sealed, out)).toBe(true)
    expect(factOf(() => stream.seal(nonce.subarray(1), out, sealed))).toBe('a nonce has 12 bytes, got 11')
    expect(factOf(() => stream.open(nonce.subarray(1), sealed, out))).toBe('a nonce has 12 bytes, got 11')
    stream.wipe()
    expect(factOf(() => stream.seal(nonce, out, sealed))).toBe('the key of this stream is wiped')
    expect(factOf(() => stream.open(nonce, sealed, out))).toBe('the key of this stream is wiped')
  })

  test.each([0, 1, 7, 8, 9, 33])('%d data keys are wrapped as one by one, and as the other does', (count) => {
    const [kwp, theirs] = [backend.aesKwp(key), other.aesKwp(key)]
    const secrets = Array.from({ length: count }, (_, i) => secretOf(i))
    const wraps = kwp.wrapMany(secrets)
    expect(wraps.map(hex)).toEqual(secrets.map((secret) => hex(theirs.wrap(secret))))
    expect(wraps.map(hex)).toEqual(secrets.map((secret) => hex(kwpOf(secret))))
    expect(theirs.unwrapMany(wraps).map((secret) => hex(secret!))).toEqual(secrets.map(hex))
    expect(wraps.map((wrapped) => hex(kwp.unwrap(wrapped)!))).toEqual(secrets.map(hex))
  })

  test.each([3, 12])('of %d wraps, those that are altered or hold another length are refused in their places', (count) => {
    const kwp = backend.aesKwp(key)
    const good = secretOf(0)
    const bad = [
      ...Array.from({ length: 40 }, (_, at) => flipped(kwpOf(good), at)),
      // the padding says 25 to 31 bytes
      ...Array.from({ length: 7 }, (_, i) => kwpOf(new Uint8Array(25 + i).fill(9))),
      new Uint8Array(40),
      other.aesKwp(flipped(key, 0)).wrap(good),
    ]
    for (const wrapped of bad) {
      expect(kwp.unwrap(wrapped)).toBeUndefined()
      const batch = Array.from({ length: count }, (_, i) => (i === 1 ? wrapped : kwpOf(secretOf(i))))
      expect(kwp.unwrapMany(batch).map((secret) => secret && hex(secret))).toEqual(
        batch.map((_, i) => (i === 1 ? undefined : hex(secretOf(i)))),
      )
    }
  })

  test.each([1, 9])('a batch of %d with another size in it is refused as a whole', (count) => {
    const kwp = backend.aesKwp(key)
    const batchOf = (length: number, wrong: number) => Array.from({ length: count }, (_, i) => new Uint8Array(i === count - 1 ? wrong : length))
    for (const wrong of [16, 31, 33]) expect(factOf(() => kwp.wrapMany(batchOf(32, wrong)))).toBe(`a data key has 32 bytes, got ${wrong}`)
    for (const wrong of [32, 39, 41, 48]) {
      expect(factOf(() => kwp.unwrapMany(batchOf(40, wrong)))).toBe(`a wrapped data key has 40 bytes, got ${wrong}`)
    }
  })

  test('AES-KWP refuses keys of other sizes, and keeps its key through a wipe of the caller’s', () => {
    expect(factOf(() => backend.aesKwp(key.subarray(16)))).toBe('a key has 32 bytes, got 16')
    const mine = Uint8Array.from(key)
    const kwp = backend.aesKwp(mine)
    mine.fill(0)
    expect(hex(kwp.wrap(secretOf(1)))).toBe(hex(kwpOf(secretOf(1))))
    const many = Array.from({ length: 9 }, (_, i) => secretOf(i))
    expect(kwp.wrapMany(many).map(hex)).toEqual(many.map((secret) => hex(kwpOf(secret))))
  })

  test('random bytes are of the length that was asked for, and none comes twice or stays zero', () => {
    const seen = new Set<string>()
    for (const length of [32, 4096, 4096, 32, 8160, 8192, 8193, 65_537, 200_000]) {
      const bytes = backend.randomBytes(length)
      expect(bytes).toHaveLength(length)
      for (let at = 0; at + 32 <= length; at += 32) seen.add(hex(bytes.subarray(at, at + 32)))
      expect(bytes.subarray(-16).some((byte) => byte !== 0)).toBe(true)
    }
    expect(seen.size).toBe([32, 4096, 4096, 32, 8160, 8192, 8193, 65_537, 200_000].reduce((sum, length) => sum + Math.floor(length / 32), 0))
    expect(backend.randomBytes(0)).toHaveLength(0)
  })

  test('equalConstantTime compares all bytes, and lengths', () => {
    expect(backend.equalConstantTime(key, Uint8Array.from(key))).toBe(true)
    for (const at of [0, 31]) expect(backend.equalConstantTime(key, flipped(key, at))).toBe(false)
    expect(backend.equalConstantTime(key, key.subarray(1))).toBe(false)
    expect(backend.equalConstantTime(key, Uint8Array.from([...key, 0]))).toBe(false)
  })

  test('base64url is that of RFC 4648, without padding, from any view', () => {
    const whole = Uint8Array.from({ length: 258 }, (_, i) => (i * 37) % 256)
    for (const view of [whole, whole.subarray(3, 200), whole.subarray(5, 6), whole.subarray(0, 0)]) {
      const encoded = Buffer.from(view).toString('base64url')
      expect(backend.encodeBase64url(view)).toBe(encoded)
      const decoded = backend.decodeBase64url(encoded)
      expect(decoded).toEqual(Uint8Array.from(view))
      expect(Object.getPrototypeOf(decoded)).toBe(Uint8Array.prototype)
    }
    expect(backend.encodeBase64url(Uint8Array.of(0xfb, 0xff, 0xfe, 0xfb))).toBe('-__--w')
  })

  test.each(['A', 'AAAAA', 'AB', 'AAB', 'AA==', 'AA=', 'AA\n', ' AA', 'AA AA', '+/AA', '+_AA', 'ÄAAA', 'AA.A'])('%j is no strict base64url', (bad) =>
    expect(backend.decodeBase64url(bad)).toBeUndefined())
})

describe('what node:crypto was given or made is overwritten', () => {
  const padded = (byte: number): string => hex(new Uint8Array(128).map((_, i) => (i < 32 ? key[i]! : 0) ^ byte))

  test('by a MAC: the key, in both of its forms', () => {
    const filled = overwritten()
    const mac = node.hmacSha512(key, text('message'))
    expect(filled).toContainEqual(`${padded(0x36)}${hex(text('message'))}`)
    expect(filled).toContainEqual(expect.stringMatching(new RegExp(`^${padded(0x5c)}[0-9a-f]{128}$`)))
    expect(filled).not.toContain(hex(mac))
  })

  test('by a decryption that fails: the plaintext, of a record and of a chunk', () => {
    const plaintext = text('plaintext of a record')
    const input = { key, nonce, aad: new Uint8Array(0) }
    const { ciphertext, tag } = node.gcmEncrypt(input, plaintext)
    const filled = overwritten()
    expect(node.gcmDecrypt(input, { ciphertext, tag: flipped(tag, 0) })).toBeUndefined()
    expect(filled).toEqual([hex(plaintext)])
    filled.length = 0
    const out = new Uint8Array(plaintext.length)
    expect(node.gcmStream(key).open(nonce, Buffer.concat([ciphertext, flipped(tag, 0)]), out)).toBe(false)
    expect(filled).toEqual([hex(plaintext)])
    expect(out).toEqual(new Uint8Array(plaintext.length))
  })

  test('by a batch of key wraps: what AES gave in each of its 24 steps', () => {
    const secrets = Array.from({ length: 20 }, (_, i) => secretOf(i))
    const filled = overwritten()
    node.aesKwp(key).wrapMany(secrets)
    expect(filled.filter((bytes) => bytes.length === 20 * 32).length).toBeGreaterThanOrEqual(24)
  })

  test('by the chunk of a stream: the plaintext that it was made in; its ciphertext is public', () => {
    const plaintext = text('plaintext of a chunk')
    const sealed = new Uint8Array(plaintext.length + 16)
    const out = new Uint8Array(plaintext.length)
    const stream = node.gcmStream(key)
    const filled = overwritten()
    stream.seal(nonce, plaintext, sealed)
    expect(stream.open(nonce, sealed, out)).toBe(true)
    expect(filled).toEqual([hex(plaintext)])
    expect(out).toEqual(plaintext)
  })
})
