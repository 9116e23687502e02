/** Any value, of any type, in any column, under any id: what is sealed comes back equal in type and bytes. */
import { isSealed, openSync } from '@keyfold/core'
import { fuzzRuns } from '@keyfold/test-support'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCell } from '../src/cell.ts'
import type { Cell } from '../src/cell.ts'
import { RawText, sealedTable } from '../src/index.ts'
import type { IdValue, SealedValue } from '../src/index.ts'
import { readAll, rotateColumn, storeOf } from './rotating.ts'
import { newDatabase, newKeyring } from './support.ts'

// Whole numbers: with any other, fast-check goes on for ever.
const RUNS = Math.ceil(Math.min(fuzzRuns(), 20_000) / 10)
const TYPES = ['TEXT', 'VARCHAR(5) COLLATE NOCASE', 'INTEGER', 'REAL', 'NUMERIC', 'BLOB', '', 'DATE', 'BOOLEAN']

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\0', '5', ' 1e3 ', '\uFEFF', 'KF\x01', 'kf1.'),
)
const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array))

describe('what an application stored', () => {
  /** As SQL sees it: text as bytes too, since better-sqlite3 cannot hand over what is not UTF-8. */
  const value = fc.oneof(
    int64.map((integer) => ({ sql: `${integer}`, parameters: [] as unknown[] })),
    fc.double({ noNaN: true }).map((real) => ({ sql: '?', parameters: [real] as unknown[] })),
    // A plaintext that begins as an envelope does cannot be told from a damaged one: docs/sqlite.md, limits.
    text.filter((string) => !isSealed(string)).map((string) => ({ sql: '?', parameters: [string] as unknown[] })),
    bytes.map((blob) => ({ sql: '?', parameters: [blob] as unknown[] })),
    bytes.map((blob) => ({ sql: 'CAST(? AS TEXT)', parameters: [blob] as unknown[] })),
    fc.constant({ sql: 'NULL', parameters: [] as unknown[] }),
  )

  test.each(TYPES)('in a column of type %o is what the sealed cell opens to', (type) => {
    const keyring = newKeyring()
    const db = newDatabase(`CREATE TABLE t (id INTEGER PRIMARY KEY, c ${type})`)
    const [store, table] = [storeOf(db), sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring, safeIntegers: true })]
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (values) => {
        db.exec('DELETE FROM t')
        for (const { sql, parameters } of values) db.prepare(`INSERT INTO t (c) VALUES (${sql})`).run(...parameters)
        const before = storedCells(db)
        expect(rotateColumn(store, keyring)).toBe(before.filter((cell) => cell !== null).length)
        const opened = readAll(store).map((record) => decodeCell(openSync(keyring, record.value, record.context)))
        expect(opened.map(cellBytes)).toEqual(before.filter((cell) => cell !== null))
        expect(table.allSync().map(({ c }) => valueBytes(c!))).toEqual(before)
      }),
      { numRuns: Math.ceil(RUNS / TYPES.length) },
    )
  })
})

/** Each cell's type and bytes, NULL as null. */
function storedCells(db: ReturnType<typeof newDatabase>): Array<string | null> {
  const rows = db
    .prepare("SELECT typeof(c), CASE typeof(c) WHEN 'text' THEN CAST(c AS BLOB) ELSE c END FROM t ORDER BY id")
    .raw()
    .safeIntegers()
    .all()
  return (rows as Array<[string, unknown]>).map(([type, cell]) => (type === 'null' ? null : `${type} ${describeCell(cell)}`))
}

function describeCell(cell: unknown): string {
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString('hex')
  return Object.is(cell, -0) ? '-0' : String(cell)
}

function cellBytes({ type, value }: Cell): string {
  return `${type} ${describeCell(value)}`
}

function valueBytes(value: SealedValue): string | null {
  if (value === null) return null
  if (typeof value === 'bigint') return `integer ${value}`
  if (typeof value === 'number') return `real ${describeCell(value)}`
  if (typeof value === 'string') return `text ${Buffer.from(value).toString('hex')}`
  if (value instanceof RawText) return `text ${describeCell(value.bytes)}`
  return `blob ${describeCell(value)}`
}

describe('what a caller puts', () => {
  const json = fc
    .jsonValue({ maxDepth: 4 })
    .filter((value) => typeof value === 'object')
    .map((value) => JSON.parse(JSON.stringify(value)) as SealedValue)
  const value: fc.Arbitrary<SealedValue> = fc.oneof(
    text,
    bytes,
    fc.double({ noNaN: true }),
    fc.maxSafeInteger(),
    int64.filter((n) => !Number.isSafeInteger(Number(n))),
    fc.boolean(),
    fc.date({ noInvalidDate: true }),
    json,
    bytes.filter((blob) => Buffer.from(blob.toString()).compare(blob) !== 0).map((blob) => new RawText(Uint8Array.from(blob))),
    fc.constant(null),
  )
  const ids: ReadonlyArray<readonly [declaration: string, id: fc.Arbitrary<IdValue>]> = [
    [
      'id INTEGER PRIMARY KEY',
      fc.oneof(
        fc.maxSafeInteger(),
        int64.filter((n) => !Number.isSafeInteger(Number(n))),
      ),
    ],
    ['id TEXT PRIMARY KEY', text],
    ['id TEXT PRIMARY KEY COLLATE NOCASE', text],
    ['id BLOB NOT NULL UNIQUE', fc.oneof(bytes, text, fc.maxSafeInteger())],
    ['id PRIMARY KEY', fc.oneof(bytes, text, fc.maxSafeInteger())],
  ]

  test.each(ids)('comes back, by an id of %s', (declaration, id) => {
    const keyring = newKeyring()
    const db = newDatabase(TYPES.map((type, i) => `CREATE TABLE t${i} (${declaration}, c ${type})`).join(';'))
    const tables = TYPES.map((_, i) => sealedTable(db, { table: `t${i}`, id: 'id', columns: ['c'], keyring }))
    fc.assert(
      fc.property(fc.nat(TYPES.length - 1), id, value, (i, key, given) => {
        tables[i]!.putSync(key, { c: given })
        const { c } = tables[i]!.getSync(key)!
        expect(c).toEqual(given)
        expect(Object.is(c, -0)).toBe(Object.is(given, -0))
        expect([...tables[i]!.iterateSync()].length).toBeGreaterThan(0)
        if (i % 2 === 0) expect(tables[i]!.deleteSync(key)).toBe(true)
        if ((db.prepare(`SELECT count(*) FROM t${i}`).pluck().get() as number) > 20) db.exec(`DELETE FROM t${i}`)
      }),
      { numRuns: Math.ceil(RUNS / 2) },
    )
  })
})
