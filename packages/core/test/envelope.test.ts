import fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type { Keyring, KeyWrapper, SyncKeyWrapper } from '../src/index.ts'
import {
  createKeyring,
  inspect,
  isCurrent,
  isSealed,
  KeyfoldError,
  open,
  openSync,
  openText,
  openTextSync,
  reencrypt,
  reencryptSync,
  rewrap,
  rewrapSync,
  seal,
  sealSync,
  toText,
} from '../src/index.ts'
import { parse } from '../src/format.ts'
import { codeOf, codeOfAsync, insecureKeyring, insecureWrapper, remoteWrapper } from './keys.ts'

const row = { table: 'users', column: 'ssn', id: '42' }
const q3 = insecureKeyring('2026q3')
const q4 = insecureKeyring('2026q4', '2026q3')

describe('seal and open', () => {
  test('any bytes in any context come back, sync and async, as bytes and as text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), fc.string({ unit: 'grapheme' }), async (payload, id) => {
        const context = { table: 't', id }
        expect(openSync(q3, await seal(q3, payload, context), context)).toEqual(payload)
        expect(await open(q3, toText(sealSync(q3, payload, context)), context)).toEqual(payload)
      }),
    )
  })

  test('any text comes back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (text) => {
        expect(await openText(q3, await seal(q3, text, row), row)).toBe(text)
        expect(openTextSync(q3, sealSync(q3, text, row), row)).toBe(text)
      }),
    )
  })

  test('text keeps its byte order mark', () => expect(openTextSync(q3, sealSync(q3, '\ufeffx', row), row)).toBe('\ufeffx'))

  test('a record costs 118 bytes with one local key, at most 120', () => {
    for (const length of [0, 1, 64, 256, 65_536]) expect(sealSync(q3, new Uint8Array(length), row).length - length).toBe(118)
  })

  test('sealing twice gives envelopes that share nothing but header and key id', () => {
    const [one, other] = [sealSync(q3, 'same', row), sealSync(q3, 'same', row)].map(parse)
    expect(one!.body.commitment).not.toEqual(other!.body.commitment)
    expect(one!.body.ciphertext).not.toEqual(other!.body.ciphertext)
    expect(one!.entries[0]!.wrapped).not.toEqual(other!.entries[0]!.wrapped)
  })

  test('a string with a lone surrogate is refused, since its UTF-8 would be another text', () => {
    expect(codeOf(() => sealSync(q3, 'a\ud800', row))).toBe('ERR_ARGUMENT')
  })

  test('what is not a string or Uint8Array is refused', () => {
    for (const value of [null, undefined, 42, {}, new ArrayBuffer(3), [1, 2]]) {
      expect(codeOf(() => sealSync(q3, value as string, row))).toBe('ERR_ARGUMENT')
    }
    expect(codeOf(() => openSync(q3, 42 as unknown as string, row))).toBe('ERR_ARGUMENT')
  })

  test('bytes that are no UTF-8 open as bytes and not as text', () => {
    const envelope = sealSync(q3, Uint8Array.of(0xff), row)
    expect(codeOf(() => openTextSync(q3, envelope, row))).toBe('ERR_NOT_TEXT')
    expect(openSync(q3, envelope, row)).toEqual(Uint8Array.of(0xff))
  })

  test('a buffer changed by its owner while the key service answers is sealed as it was', async () => {
    const payload = new TextEncoder().encode('before')
    const pending = seal(createKeyring({ active: remoteWrapper('2026q3') }), payload, row)
    payload.fill(0x78)
    expect(openTextSync(q3, await pending, row)).toBe('before')
  })
})

describe('keys', () => {
  test('no such key, not authentic, unavailable and denied are different codes', async () => {
    const envelope = sealSync(q3, 'x', row)
    const failing = (code: string): Keyring =>
      createKeyring({
        active: {
          ...remoteWrapper('2026q3'),
          unwrap: async () => {
            throw new KeyfoldError(code, 'test')
          },
        },
      })
    expect(await codeOfAsync(open(insecureKeyring('other'), envelope, row))).toBe('ERR_KEY_NOT_FOUND')
    expect(await codeOfAsync(open(q3, envelope, { ...row, id: '43' }))).toBe('ERR_NOT_AUTHENTIC')
    expect(await codeOfAsync(open(failing('ERR_KEY_UNAVAILABLE'), envelope, row))).toBe('ERR_KEY_UNAVAILABLE')
    expect(await codeOfAsync(open(failing('ERR_KEY_DENIED'), envelope, row))).toBe('ERR_KEY_DENIED')
  })

  test("an untyped error of somebody else's wrapper is a key that is unavailable, not a broken record", async () => {
    const keyring = createKeyring({ active: { ...remoteWrapper('2026q3'), unwrap: () => Promise.reject(new TypeError('fetch failed')) } })
    expect(await codeOfAsync(open(keyring, sealSync(q3, 'x', row), row))).toBe('ERR_KEY_UNAVAILABLE')
  })

  test('a wrapper that gives a data key of 16 bytes is refused', async () => {
    const keyring = createKeyring({ active: { ...remoteWrapper('2026q3'), unwrap: async () => new Uint8Array(16) } })
    expect(await codeOfAsync(open(keyring, sealSync(q3, 'x', row), row))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('a recovery key opens alone, and only keys of the keyring are called', async () => {
    const both = createKeyring({ active: insecureWrapper('region-1'), recovery: [insecureWrapper('region-2')] })
    const envelope = sealSync(both, 'x', row)
    expect(inspect(envelope).entries).toHaveLength(2)
    expect(openTextSync(insecureKeyring('region-2'), envelope, row)).toBe('x')
    expect(await openText(insecureKeyring('region-1'), envelope, row)).toBe('x')
  })

  test('the first key is out of reach: the next one opens; all are: all are listed', async () => {
    const envelope = sealSync(createKeyring({ active: insecureWrapper('a'), recovery: [insecureWrapper('b')] }), 'x', row)
    const down = (name: string): KeyWrapper => ({ ...remoteWrapper(name), unwrap: () => Promise.reject(new Error('down')) })
    expect(await openText(createKeyring({ active: down('a'), decryptOnly: [insecureWrapper('b')] }), envelope, row)).toBe('x')
    const failed = openText(createKeyring({ active: down('a'), decryptOnly: [down('b')] }), envelope, row)
    await expect(failed).rejects.toMatchObject({
      code: 'ERR_KEY_UNAVAILABLE',
      message: expect.stringMatching(/key-file:a: .*key-file:b: /) as string,
    })
  })

  test('a keyring refuses one id twice, one key twice, and what is no wrapper', () => {
    const wrapper = insecureWrapper('a')
    expect(codeOf(() => createKeyring({ active: wrapper, decryptOnly: [{ ...insecureWrapper('b'), id: wrapper.id }] }))).toBe(
      'ERR_KEYRING_INVALID',
    )
    expect(codeOf(() => createKeyring({ active: wrapper, decryptOnly: [{ ...wrapper, id: 'key-file:copy' }] }))).toBe('ERR_KEYRING_INVALID')
    expect(codeOf(() => createKeyring({ active: 'key-file:a' as unknown as KeyWrapper }))).toBe('ERR_KEYRING_INVALID')
    expect(codeOf(() => createKeyring({ active: undefined as unknown as KeyWrapper }))).toBe('ERR_KEYRING_INVALID')
  })
})

describe('sync twins', () => {
  test('the types forbid them where the active key needs I/O', () => {
    const remote = createKeyring({ active: remoteWrapper('a') })
    const local = createKeyring({ active: insecureWrapper('a'), decryptOnly: [remoteWrapper('b')] })
    expectTypeOf(remote).not.toExtend<Keyring<SyncKeyWrapper>>()
    expectTypeOf(local).toExtend<Keyring<SyncKeyWrapper>>()
    // @ts-expect-error the active key needs I/O
    expect(codeOf(() => sealSync(remote, 'x', row))).toBe('ERR_SYNC_UNSUPPORTED')
  })

  test('a record whose own key needs I/O is refused at once, with the call that works in the hint', async () => {
    const envelope = sealSync(q3, 'x', row)
    const keyring = createKeyring({ active: insecureWrapper('2026q4'), decryptOnly: [remoteWrapper('2026q3')] })
    expect(() => openSync(keyring, envelope, row)).toThrow(
      expect.objectContaining({ code: 'ERR_SYNC_UNSUPPORTED', hint: expect.stringContaining('`open`') as string }),
    )
    expect(await openText(keyring, envelope, row)).toBe('x')
  })
})

describe('rewrap', () => {
  test("moves a record to the active key and leaves the body's bytes alone", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (payload) => {
        const before = sealSync(q3, payload, row)
        for (const after of [rewrapSync(q4, before, row), await rewrap(q4, before, row)]) {
          expect(parse(after).body).toEqual(parse(before).body)
          expect(openSync(insecureKeyring('2026q4'), after, row)).toEqual(payload)
          expect(codeOf(() => openSync(q3, after, row))).toBe('ERR_KEY_NOT_FOUND')
        }
      }),
    )
  })

  test('keeps the form', async () => {
    const text = toText(sealSync(q3, 'x', row))
    expect(rewrapSync(q4, text, row)).toMatch(/^kf1\.S0YB/)
    expectTypeOf(rewrapSync(q4, text, row)).toEqualTypeOf<string>()
    expect(await reencrypt(q4, text, row)).toMatch(/^kf1\.S0YB/)
    expect(rewrapSync(q4, sealSync(q3, 'x', row), row)).toBeInstanceOf(Uint8Array)
  })

  test('keeps entries of keys that it does not hold', () => {
    const withRecovery = createKeyring({ active: insecureWrapper('2026q3'), recovery: [insecureWrapper('offline')] })
    const after = rewrapSync(q4, sealSync(withRecovery, 'x', row), row)
    expect(inspect(after).entries).toHaveLength(2)
    expect(openTextSync(insecureKeyring('offline'), after, row)).toBe('x')
    expect(openTextSync(insecureKeyring('2026q4'), after, row)).toBe('x')
  })

  test('refuses a record whose wrapped key was exchanged, instead of making it look sound', () => {
    const one = sealSync(q3, 'one', row)
    one.set(sealSync(q3, 'two', row).subarray(26, 66), 26)
    expect(codeOf(() => rewrapSync(q4, one, row))).toBe('ERR_KEY_COMMITMENT')
  })

  test('isCurrent tells what a rotation has yet to do', () => {
    const old = sealSync(q3, 'x', row)
    expect(isCurrent(q4, old)).toBe(false)
    expect(isCurrent(q4, rewrapSync(q4, old, row))).toBe(true)
    const dual = createKeyring({
      active: insecureWrapper('2026q4'),
      recovery: [insecureWrapper('dr')],
      decryptOnly: [insecureWrapper('2026q3')],
    })
    expect(isCurrent(dual, rewrapSync(q4, old, row))).toBe(false)
    expect(isCurrent(dual, rewrapSync(dual, toText(old), row))).toBe(true)
  })
})

describe('reencrypt', () => {
  test('gives a record a new data key and a new body', () => {
    const before = sealSync(q3, 'x', row)
    const after = reencryptSync(q4, before, row)
    expect(parse(after).body.commitment).not.toEqual(parse(before).body.commitment)
    expect(openTextSync(insecureKeyring('2026q4'), after, row)).toBe('x')
  })

  test('needs the context, since it opens the record', () => {
    expect(codeOf(() => reencryptSync(q4, sealSync(q3, 'x', row), {}))).toBe('ERR_NOT_AUTHENTIC')
  })
})

test('isSealed knows both forms and no other value', () => {
  const envelope = sealSync(q3, 'x', row)
  expect([envelope, toText(envelope)].map(isSealed)).toEqual([true, true])
  expect(['', 'kf1', 'x', new Uint8Array(), Uint8Array.of(0x4b, 0x46), null, undefined, 42, {}].map(isSealed)).not.toContain(true)
})

test('inspect shows no payload and needs no key', () => {
  const shown = inspect(sealSync(q3, 'plaintext to hide', row))
  expect(shown).toMatchObject({
    version: 1,
    payloadBytes: 17,
    totalBytes: 135,
    entries: [{ materialId: '000000000000', wrappedBytes: 40 }],
  })
  expect(JSON.stringify(shown)).not.toContain('hide')
})
