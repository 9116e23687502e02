import { isKeyfoldError } from '@keyfold/core'
import { fuzzRuns } from '@keyfold/test-support'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { configSchema } from '../src/config-schema.ts'
import { parseConfigFile } from '../src/parse-config.ts'
import { parseStrictJson } from '../src/strict-json.ts'

const VALID = JSON.stringify({
  ledger: './ledger.db',
  keyring: { active: 'key-file:./keys/b.key', decryptOnly: ['key-file:./keys/a.key'] },
  stores: [
    { type: 'sqlite', path: './app.db', tables: [{ table: { c: 'k' }, id: ['a', 'b'], columns: { email: 'e\u00fc"\\' } }] },
  ],
  policy: { cryptoperiodDays: 90, approvals: 0 },
})

/** A valid config with some of its bytes cut, replaced, doubled or filled in. */
const mutated = fc
  .array(
    fc.record({
      at: fc.nat(VALID.length),
      cut: fc.nat(12),
      put: fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('"', '{', '}', '[', ',', ':', '\\u', '1e999', '-0', 'null')),
    }),
    { maxLength: 4 },
  )
  .map((edits) => edits.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), VALID))

test('a mutated config is either valid or refused with a code', () => {
  fc.assert(
    fc.property(mutated, (text) => {
      try {
        const config = parseConfigFile(Buffer.from(text), 'c.json')
        expect(configSchema.parse(config)).toEqual(config)
      } catch (error) {
        if (!isKeyfoldError(error, 'ERR_CONFIG_INVALID', 'ERR_LIMIT')) throw error
        expect(error.hint).not.toBe('')
      }
    }),
    { numRuns: fuzzRuns() },
  )
})

test('any bytes are either JSON or refused with a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        parseConfigFile(bytes, 'c.json')
      } catch (error) {
        if (!isKeyfoldError(error, 'ERR_CONFIG_INVALID', 'ERR_LIMIT')) throw error
      }
    }),
    { numRuns: fuzzRuns() },
  )
})

const refuse = (fact: string): never => {
  throw new Error(fact)
}

test('the reader gives what JSON.parse gives, on all that both accept', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), (text) => {
      fc.pre(!text.includes('__proto__'))
      expect(parseStrictJson(Buffer.from(text), refuse)).toEqual(JSON.parse(text))
    }),
    { numRuns: fuzzRuns() },
  )
})

test('the reader accepts nothing that JSON.parse refuses', () => {
  fc.assert(
    fc.property(mutated, (text) => {
      let value: unknown
      try {
        value = parseStrictJson(Buffer.from(text), refuse)
      } catch {
        return
      }
      // lone surrogates become U+FFFD on the way to bytes
      expect(value).toEqual(JSON.parse(Buffer.from(text).toString()))
    }),
    { numRuns: fuzzRuns() },
  )
})
