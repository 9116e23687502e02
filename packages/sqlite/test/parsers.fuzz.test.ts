/** The parsers of this package under mutated and arbitrary input: typed errors alone, and one encoding for what is accepted. */
import { isKeyfoldError } from '@keyfold/core'
import { fuzzRuns } from '@keyfold/test-support'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeCell, encodeCell } from '../src/cell.ts'
import type { KeyLayout } from '../src/key-layout.ts'
import { decodePosition, encodePosition } from '../src/row-id.ts'
import { tokenize } from '../src/sql-tokens.ts'
import { parseTableSql } from '../src/table-sql.ts'

const numRuns = fuzzRuns()
const key: KeyLayout = { rowid: false, columns: [{ name: 'a', affinity: 'BLOB', sql: '"a"' }, { name: 'b', affinity: 'BLOB', sql: '"b"' }] }

/** What a parser accepts; undefined for what it refuses by a typed error. */
function accepted<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (isKeyfoldError(error)) return undefined
    throw error
  }
}

test('cells: what is accepted encodes to the same bytes again', () => {
  const bytes = fc.tuple(fc.oneof(fc.nat(9), fc.nat(255)), fc.oneof(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.uint8Array({ maxLength: 20 })))
  fc.assert(
    fc.property(bytes, ([tag, rest]) => {
      const cell = Uint8Array.of(tag, ...rest)
      const decoded = accepted(() => decodeCell(cell))
      if (decoded !== undefined) expect(Buffer.from(encodeCell(decoded)).equals(cell)).toBe(true)
    }),
    { numRuns },
  )
})

test('positions: what is accepted encodes to the same texts again', () => {
  const part = fc.oneof(fc.stringMatching(/^(integer:-?\d{0,20}|text:.{0,3}|blob:[0-9a-f]{0,5})$/), fc.string(), fc.jsonValue())
  const position = fc.oneof(fc.array(part, { maxLength: 3 }).map((parts) => JSON.stringify(parts)), fc.string(), fc.json())
  fc.assert(
    fc.property(position, (text) => {
      const parts = accepted(() => decodePosition(text, key))
      if (parts !== undefined) expect(JSON.parse(encodePosition(parts))).toEqual(JSON.parse(text))
    }),
    { numRuns },
  )
})

test('SQL text: no text is too odd, and names in quotes come out whole', () => {
  const known = fc.constantFrom('(', ')', ',', "'", '"', '`', '[', ']', '--', '/*', '*/', '\n', 'CHECK', 'CONSTRAINT', 'COLLATE', '*', ' ')
  const piece = fc.oneof(known, fc.string())
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.string(), (pieces, name) => {
      const sql = pieces.join('')
      expect(tokenize(sql).map(({ text }) => text).join('').length).toBeLessThanOrEqual(sql.length)
      parseTableSql(sql)
      for (const quoted of [`"${name.replaceAll('"', '""')}"`, `'${name.replaceAll("'", "''")}'`, `\`${name.replaceAll('`', '``')}\``]) {
        expect(tokenize(quoted)).toEqual([{ kind: 'quoted', text: name }])
      }
    }),
    { numRuns },
  )
})
