/** Every parser of core under mutated valid inputs: no crash, no untyped error, nothing malleable accepted. */
import { fuzzRuns } from '@keyfold/test-support'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalContext, inspect, openSync, toBytes, toText } from '../src/index.ts'
import type { EncryptionContext } from '../src/index.ts'
import { encode, parse } from '../src/format.ts'
import { parseKeyFile } from '../src/wrappers/key-file.ts'
import { edits, mutate, typed } from './mutations.ts'
import { hex, keyringOf, unhex, vectors } from './vectors.ts'

const numRuns = fuzzRuns()

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
