import { fuzzRuns } from '@keyfold/test-support'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sealedTable } from '../src/index.ts'
import type { RowId } from '../src/index.ts'
import type { KeyLayout } from '../src/key-layout.ts'
import { contextId, decodePosition, encodePosition } from '../src/row-id.ts'
import type { IdPart } from '../src/row-id.ts'
import { errorOf, newDatabase, newKeyring } from './support.ts'

const keyOf = (count: number): KeyLayout => ({
  rowid: false,
  columns: Array.from({ length: count }, (_, i) => ({ name: `k${i}`, affinity: 'BLOB', sql: `"k${i}"` })),
})

describe('the id in the encryption context carries its type', () => {
  test.each([
    [[42n], 'integer:42'],
    [[-5n], 'integer:-5'],
    [['42'], 'text:42'],
    [[''], 'text:'],
    [[Buffer.from('42')], 'blob:3432'],
    [[1n, 'a"b', Buffer.alloc(0)], '["integer:1","text:a\\"b","blob:"]'],
  ] as Array<[IdPart[], string]>)('%o: %s', (parts, text) => {
    expect(contextId(parts)).toBe(text)
  })

  test('is limited to what a context can hold', () => {
    expect(contextId(['x'.repeat(65_530)])).toHaveLength(65_535)
    expect(errorOf(() => contextId(['x'.repeat(65_531)])).code).toBe('ERR_TABLE_ID_VALUE')
    expect(errorOf(() => contextId(['€'.repeat(22_000)])).message).toMatch(/66005 bytes/)
  })
})

test('positions come back from their text, and two ids never have one', () => {
  const part = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  )
  const parts = fc.array(part, { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      expect(decodePosition(encodePosition(one), keyOf(one.length))).toEqual(one)
      const equal = one.length === other.length && encodePosition(one) === encodePosition(other)
      expect(contextId(one) === contextId(other)).toBe(equal)
    }),
    { numRuns: Math.min(fuzzRuns(), 2000) },
  )
})

const NO_POSITIONS = [
  '', '{', '{}', '[]', '["integer:1","integer:2"]', '["integer:x"]', '["integer:007"]', '["integer:9223372036854775808"]', '["blob:0"]', '["real:1"]',
  '[1]', '["integer:1"', '["text:\\ud800"]',
]

test.each(NO_POSITIONS)(
  'a position that no read gave (%s) is refused',
  (position) => {
    expect(errorOf(() => decodePosition(position, keyOf(1))).code).toBe('ERR_TABLE_ID_VALUE')
  },
)

describe('an id that the table would store otherwise is refused, for reading and for writing', () => {
  const INTEGER = 'id INTEGER PRIMARY KEY'
  const cases: ReadonlyArray<readonly [title: string, id: string, value: unknown]> = [
    ['text for an INTEGER PRIMARY KEY', INTEGER, '42'],
    ['a blob for an INTEGER PRIMARY KEY', INTEGER, Buffer.from('42')],
    ['text that looks like a number, in an INTEGER UNIQUE column', 'id INTEGER UNIQUE NOT NULL', ' 42e0 '],
    ['an integer in a TEXT column', 'id TEXT PRIMARY KEY', 42],
    ['an integer in a REAL column', 'id REAL PRIMARY KEY', 42],
    ['a fraction', INTEGER, 1.5],
    ['an unsafe number', INTEGER, 2 ** 53],
    ['an integer of 65 bits', INTEGER, 2n ** 63n],
    ['NaN', INTEGER, Number.NaN],
    ['null', INTEGER, null],
    ['undefined', INTEGER, undefined],
    ['a boolean', INTEGER, true],
    ['a date', INTEGER, new Date(0)],
    ['a lone surrogate', 'id TEXT PRIMARY KEY', '\uDC00'],
    ['two values', INTEGER, [1, 2]],
    ['no value', INTEGER, []],
    ['too long a text', 'id TEXT PRIMARY KEY', 'x'.repeat(70_000)],
  ]
  test.each(cases)('%s', (_title, id, value) => {
    const db = newDatabase(`CREATE TABLE t (${id}, c); INSERT INTO t VALUES (42, NULL)`)
    const table = sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring: newKeyring() })
    for (const call of [
      () => table.putSync(value as RowId, { c: 'secret' }),
      () => table.insertSync({ id: value, c: 'secret' } as never),
    ]) {
      const error = errorOf(call)
      expect(error.code).toBe('ERR_TABLE_ID_VALUE')
      expect(error.message).not.toContain('42')
    }
    if (typeof value !== 'string' || value.length < 1000) {
      expect(errorOf(() => table.getSync(value as RowId)).code).toBe('ERR_TABLE_ID_VALUE')
      expect(errorOf(() => table.deleteSync(value as RowId)).code).toBe('ERR_TABLE_ID_VALUE')
    }
    expect(db.prepare('SELECT count(*) AS n, max(c) AS c FROM t').get()).toEqual({ n: 1, c: null })
  })

  test('42 and the text 42 are two rows where the column keeps both', () => {
    const table = sealedTable(newDatabase('CREATE TABLE t (id PRIMARY KEY NOT NULL, c)'), {
      table: 't',
      id: 'id',
      columns: ['c'],
      keyring: newKeyring(),
    })
    const ids = [42, '42', Buffer.from('42')]
    for (const [i, id] of ids.entries()) table.putSync(id, { c: i })
    expect(ids.map((id) => table.getSync(id)!['c'])).toEqual([0, 1, 2])
  })

  test('a row whose own id is REAL, NULL or not UTF-8 is refused by name of its column, never by value', () => {
    const db = newDatabase("CREATE TABLE t (id PRIMARY KEY, c); INSERT INTO t VALUES (5.5, 'x'), (NULL, 'x'), (CAST(x'61FF' AS TEXT), 'x')")
    const table = sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring: newKeyring() })
    expect(errorOf(() => table.allSync()).code).toBe('ERR_TABLE_ID_VALUE')
    db.exec('DELETE FROM t WHERE id IS NULL')
    expect(errorOf(() => table.allSync()).message).toBe("a row's id is REAL")
    db.exec('DELETE FROM t WHERE id = 5.5')
    expect(errorOf(() => table.allSync()).message).toBe("a row's id is text that is not valid UTF-8")
    expect(table.getSync('a\uFFFD')).toBeUndefined()
  })
})
