/** Every parser of core under mutated valid inputs: no crash, no untyped error, nothing malleable accepted. */
import { fuzzRuns } from '@keyfold/test-support'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalContext, inspect, isKeyfoldError, openSync, toBytes, toText } from '../src/index.ts'
import type { EncryptionContext } from '../src/index.ts'
import { encode, parse } from '../src/format.ts'
import { parseKeyFile } from '../src/wrappers/key-file.ts'
import { hex, keyringOf, unhex, vectors } from './vectors.ts'

const numRuns = fuzzRuns()

/** Like a fuzzer's own mutations: set, insert, delete, cut, repeat; a few in a row. */
const edit = fc.record({
  kind: fc.constantFrom('set', 'insert', 'delete', 'cut', 'repeat'),
  at: fc.nat(),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 0x10, 0x18, 0x7f, 0xff)),
})
const edits = fc.array(edit, { maxLength: 4 })

function mutate(bytes: Uint8Array, list: ReadonlyArray<{ kind: string; at: number; byte: number }>): Uint8Array {
  let out = [...bytes]
  for (const { kind, at, byte } of list) {
    // Half of the edits hit the header, where the structure is.
    const i = at % Math.max(1, byte % 2 === 0 ? Math.min(110, out.length) : out.length)
    if (kind === 'set') out[i] = byte
    else if (kind === 'insert') out.splice(i, 0, byte)
    else if (kind === 'delete') out.splice(i, 1)
    else if (kind === 'cut') out = out.slice(0, i)
    else out.splice(i, 0, ...out.slice(i, i + byte))
  }
  return Uint8Array.from(out)
}

/** The value of a call, or undefined where it ends in a typed error; anything else fails the test. */
function typed<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (!isKeyfoldError(error)) throw error
    expect(error.code).toMatch(/^ERR_[A-Z_]+$/)
    expect(error.hint).not.toBe('')
    return undefined
  }
}

const small = vectors.valid.filter(({ envelope }) => envelope.length < 3000)
const valid = fc.constantFrom(...small)

test('envelope: what parses encodes to the same bytes', () => {
  fc.assert(
    fc.property(valid, edits, ({ envelope }, list) => {
      const bytes = mutate(unhex(envelope), list)
      const parsed = typed(() => parse(bytes))
      if (parsed !== undefined) expect(hex(encode(parsed))).toBe(hex(bytes))
      typed(() => inspect(bytes))
    }),
    { numRuns },
  )
})

test('envelope: what opens has the plaintext that was sealed', () => {
  fc.assert(
    fc.property(valid, edits, ({ envelope, keks, context, plaintext }, list) => {
      const opened = typed(() => openSync(keyringOf(keks), mutate(unhex(envelope), list), context))
      if (opened !== undefined) expect(hex(opened)).toBe(plaintext)
    }),
    { numRuns },
  )
})

test('text form: what decodes encodes to the same text', () => {
  fc.assert(
    fc.property(valid, edits, ({ text }, list) => {
      const altered = Buffer.from(mutate(Buffer.from(text), list)).toString('latin1')
      const bytes = typed(() => toBytes(altered))
      if (bytes !== undefined) expect(toText(bytes)).toBe(altered)
    }),
    { numRuns },
  )
})

test('text form: any string', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string().map((text) => `kf1.S0YB${text}`),
      ),
      (text) => {
        const bytes = typed(() => toBytes(text))
        if (bytes !== undefined) expect(toText(bytes)).toBe(text)
      },
    ),
    { numRuns },
  )
})

test('context: anything at all is encoded or refused', () => {
  const anything = fc.oneof(
    fc.anything(),
    fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))),
    fc.dictionary(fc.string(), fc.string()),
  )
  fc.assert(
    fc.property(anything, (value) => {
      const context = typed(() => canonicalContext(value as EncryptionContext))
      if (context !== undefined) expect(hex(canonicalContext(context.pairs).bytes)).toBe(hex(context.bytes))
    }),
    { numRuns },
  )
})

test('key file: what is accepted is one of the three formats', () => {
  const key = unhex(vectors.valid[0]!.dek)
  const files = [Buffer.from(key), Buffer.from(`${hex(key)}\n`), Buffer.from(hex(key)), Buffer.from(Buffer.from(key).toString('base64'))]
  fc.assert(
    fc.property(fc.constantFrom(...files), edits, (file, list) => {
      const content = mutate(file, list)
      const parsed = typed(() => parseKeyFile(content, 'a.key'))
      if (parsed === undefined) return
      const text = Buffer.from(content)
        .toString('latin1')
        .replace(/\r?\n$/, '')
      const forms = [Buffer.from(parsed).toString('latin1'), hex(parsed), Buffer.from(parsed).toString('base64')]
      expect(forms).toContain(
        text.length === 64 ? text.toLowerCase() : content.length === 32 ? Buffer.from(content).toString('latin1') : text,
      )
    }),
    { numRuns },
  )
})
