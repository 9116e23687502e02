/** Data keys that are wrapped before a record asks for one: each serves one record, whatever way that takes, and no other wrapper hands them on. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { SyncKeyWrapper } from '../src/index.ts'
import {
  createKeyring, openSync, openTextSync, reencrypt, reencryptSync, rewrapSync, seal, sealManySync, sealSync,
} from '../src/index.ts'
import { LIMITS, parse } from '../src/format.ts'
import { record, setting } from './branch-keys/support.ts'
import { faults, hashed } from './faulty-backend.ts'
import { codeOf, insecureKeyring, insecureWrapper, remoteWrapper } from './keys.ts'
import { hex } from './vectors.ts'

vi.mock('#backend', async (original) => (await import('./faulty-backend.ts')).faulty(await original()))

const context = { id: '1' }

beforeEach(() => {
  hashed.length = 0
  Object.assign(faults, { encrypt: Infinity, decrypt: Infinity })
})

/** What tells data keys apart without opening them: the commitment is a hash of one, and a wrap is the same for the same one. */
function traces(envelopes: readonly Uint8Array[]): { readonly commitments: number; readonly wraps: number } {
  const parsed = envelopes.map((envelope) => parse(envelope))
  const wraps = parsed.flatMap(({ entries }) => entries.map(({ wrapped }) => hex(wrapped)))
  return { commitments: new Set(parsed.map(({ body }) => hex(body.commitment))).size, wraps: new Set(wraps).size }
}

describe('each data key serves one record', () => {
  test('sealed at once, side by side, in batches, anew, and between failures', async () => {
    const keyring = insecureKeyring('a')
    const envelopes: Uint8Array[] = []
    for (let round = 0; round < 40; round++) {
      envelopes.push(sealSync(keyring, `${round}`, context))
      envelopes.push(...(await Promise.all([1, 2, 3].map((n) => seal(keyring, `${round} ${n}`, context)))))
      envelopes.push(...sealManySync(keyring, [{ plaintext: 'x', context }, { plaintext: 'y', context }]))
      envelopes.push(await reencrypt(keyring, envelopes[0]!, context), reencryptSync(keyring, envelopes[1]!, context))
      expect(codeOf(() => sealSync(keyring, new Proxy(new Uint8Array(0), lengthOf(LIMITS.payloadBytes + 1)), context))).toBe('ERR_LIMIT')
      expect(codeOf(() => sealSync(keyring, 'x', { '': 'no name' }))).toBe('ERR_CONTEXT_INVALID')
      faults.encrypt = 0
      expect(() => sealSync(keyring, 'x', context)).toThrow('memory is out')
      faults.encrypt = Infinity
    }
    expect(envelopes.length).toBe(320)
    expect(traces(envelopes)).toEqual({ commitments: 320, wraps: 320 })
    for (const envelope of envelopes) openSync(keyring, envelope, context)
  })

  test('under branch keys', async () => {
    const keys = setting().open()
    await keys.unlock(['7'])
    const envelopes = Array.from({ length: 100 }, () => sealSync(keys, 'x', record('7')))
    for (let i = 0; i < 100; i++) envelopes.push(await seal(keys, 'x', record('7')))
    expect(traces(envelopes)).toEqual({ commitments: 200, wraps: 200 })
    for (const envelope of envelopes) expect(openTextSync(keys, envelope, record('7'))).toBe('x')
  })

  test('and two wrappers of one key have none in common', () => {
    const keyrings = [insecureKeyring('a'), insecureKeyring('a')]
    const envelopes = Array.from({ length: 100 }, (_, i) => sealSync(keyrings[i % 2]!, 'x', context))
    expect(traces(envelopes)).toEqual({ commitments: 100, wraps: 100 })
  })
})

describe('beside other keys', () => {
  test('a recovery key wraps the data key that the active one had ready', () => {
    const keyring = createKeyring({ active: insecureWrapper('a'), recovery: [insecureWrapper('b')] })
    const envelopes = Array.from({ length: 50 }, () => sealSync(keyring, 'x', context))
    expect(traces(envelopes)).toEqual({ commitments: 50, wraps: 100 })
    for (const name of ['a', 'b']) {
      for (const envelope of envelopes) expect(openTextSync(insecureKeyring(name), envelope, context)).toBe('x')
    }
  })

  test('a wrapper around a local key is asked for every record, and its answer is what stands in the envelope', () => {
    const inner = insecureWrapper('a')
    const asked: string[] = []
    const around: SyncKeyWrapper = {
      ...inner,
      wrapSync(dek, pairs) {
        asked.push(hex(dek))
        return inner.wrapSync(dek, pairs)
      },
    }
    const keyring = createKeyring({ active: around })
    const envelopes = Array.from({ length: 20 }, () => sealSync(keyring, 'x', context))
    expect(new Set(asked).size).toBe(20)
    expect(traces(envelopes)).toEqual({ commitments: 20, wraps: 20 })
  })

  test('where the first entry fails, the next opens the record, by a step where it needs one', async () => {
    const keyring = createKeyring({ active: insecureWrapper('a'), recovery: [insecureWrapper('b')] })
    const envelope = sealSync(keyring, 'x', context)
    const [first] = parse(envelope).entries
    first!.wrapped[0]! ^= 1
    expect(openTextSync(keyring, envelope, context)).toBe('x')
    const remote = createKeyring({ active: insecureWrapper('a'), recovery: [remoteWrapper('b')] })
    expect(codeOf(() => openSync(remote as never, envelope, context))).toBe('ERR_SYNC_UNSUPPORTED')
    expect(openTextSync(keyring, rewrapSync(keyring, envelope, context), context)).toBe('x')
  })
})

test('a data key is overwritten where its record cannot be sealed', () => {
  faults.encrypt = 0
  expect(() => sealSync(insecureKeyring('a'), 'x', context)).toThrow('memory is out')
  expect(hashed.length).toBe(1)
  expect(hashed[0]!.every((byte) => byte === 0)).toBe(true)
})

/** A byte string that says it is longer than it is: nobody wants to hold the real one. */
function lengthOf(length: number): ProxyHandler<Uint8Array> {
  return { get: (target, name) => (name === 'length' ? length : (Reflect.get(target, name) as unknown)) }
}
