/** What a batch leaves in memory where it ends early: by a key that fails, or by a fault of the runtime such as memory that is out. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { KeySource, KeyWrapper, SealedRecord } from '../src/index.ts'
import { createKeyring, openMany, openManySync, reencryptManySync, rewrapMany, rewrapManySync, sealManySync } from '../src/index.ts'
import { faults, hashed } from './faulty-backend.ts'
import { insecureWrapper } from './keys.ts'

vi.mock('#backend', async (original) => (await import('./faulty-backend.ts')).faulty(await original()))

const [a, b, c] = ['a', 'b', 'c'].map(insecureWrapper)
const context = { id: '1' }
const keyring = createKeyring({ active: a! })
const plain = ['one', 'two', 'three'].map((plaintext) => ({ plaintext, context }))
const sealed: SealedRecord<Uint8Array>[] = sealManySync(keyring, plain).map((envelope) => ({ envelope, context }))
const isWiped = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

beforeEach(() => {
  hashed.length = 0
  Object.assign(faults, { encrypt: Infinity, decrypt: Infinity })
})

/** The first data keys that something was derived from. */
function expectNothingLeft(count: number): void {
  expect(hashed.length).toBeGreaterThanOrEqual(count)
  expect(hashed.slice(0, count).every(isWiped)).toBe(true)
}

describe('a fault in the middle of a batch comes through, and leaves no data key', () => {
  test('of openMany', async () => {
    faults.decrypt = 1
    await expect(openMany(keyring, sealed)).rejects.toThrow('memory is out')
    expectNothingLeft(3)
  })

  test('of openManySync', () => {
    faults.decrypt = 0
    expect(() => openManySync(keyring, sealed)).toThrow('memory is out')
    expectNothingLeft(3)
  })

  test('of sealManySync', () => {
    faults.encrypt = 1
    expect(() => sealManySync(keyring, plain)).toThrow('memory is out')
    // the second one sealed nothing
    expectNothingLeft(1)
  })

  test('of reencryptManySync, in opening and in sealing', () => {
    faults.decrypt = 1
    expect(() => reencryptManySync(keyring, sealed)).toThrow('memory is out')
    expect(hashed.slice(0, 3).every(isWiped)).toBe(true)
    hashed.length = 0
    Object.assign(faults, { encrypt: 0, decrypt: Infinity })
    expect(() => reencryptManySync(keyring, sealed)).toThrow('memory is out')
    expect(hashed.slice(0, 3).every(isWiped)).toBe(true)
  })
})

describe('keys that are not to be had', () => {
  /** The keyring, but for one key about which it fails as nothing should. */
  const failingFor = (broken: KeyWrapper, ...held: KeyWrapper[]): KeySource => {
    const good = createKeyring({ active: a!, decryptOnly: held })
    return {
      sealingKeys: () => good.sealingKeys(),
      *openingKey(keyId) {
        if (`${keyId}` === `${broken.keyId}`) throw new TypeError('a fault')
        return yield* good.openingKey(keyId)
      },
    }
  }

  test('leave no data key of those that opened before', async () => {
    const inTwo = sealManySync(createKeyring({ active: b!, recovery: [c!] }), plain.slice(0, 1))[0]!
    const wrongFirst: KeyWrapper = { ...b!, unwrap: async () => new Uint8Array(32).fill(7) }
    const records = [...sealed, { envelope: inTwo, context }]
    hashed.length = 0
    const { id, keyId, wrap, unwrap } = wrongFirst
    await expect(openMany(failingFor(c!, { id, keyId, wrap, unwrap }), records)).rejects.toThrow('a fault')
    expectNothingLeft(4)
  })

  test('to seal leave no data key of what was to be moved', async () => {
    const good = createKeyring({ active: a! })
    const source: KeySource = {
      openingKey: (keyId) => good.openingKey(keyId),
      *sealingKeys() {
        throw new TypeError('a fault')
      },
    }
    await expect(rewrapMany(source, sealed)).rejects.toThrow('a fault')
    expectNothingLeft(3)
    hashed.length = 0
    expect(() => rewrapManySync(source as never, sealed)).toThrow('a fault')
    expectNothingLeft(3)
  })
})
