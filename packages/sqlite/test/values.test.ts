import { sealSync, toText } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { RawText, sealedTable } from '../src/index.ts'
import type { SealedValue } from '../src/index.ts'
import { errorOf, newDatabase, newKeyring } from './support.ts'

const TYPES = ['TEXT', 'INTEGER', 'REAL', 'BLOB', 'NUMERIC', ''] as const

function tableOf(type: string, options: { strict?: boolean; safeIntegers?: boolean } = {}) {
  const db = newDatabase(`CREATE TABLE t (id INTEGER PRIMARY KEY, c ${type})${options.strict === true ? ' STRICT' : ''}`)
  const { safeIntegers = false } = options
  return { db, table: sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring: newKeyring(), safeIntegers }) }
}

describe.each(TYPES)('a value comes back as it went in, from a column of type %o', (type) => {
  const values: ReadonlyArray<readonly [title: string, value: SealedValue]> = [
    ['text', '078-05-1120'],
    ['empty text', ''],
    ['text with a zero byte, beyond the BMP, with a BOM', '\uFEFFa\0b 😀 ÿ'],
    ['text that looks like a number', '0042'],
    ['text that begins as an envelope does', 'kf1.model'],
    ['a whole number', 5],
    ['zero', 0],
    ['minus zero', -0],
    ['a fraction', 0.1],
    ['a number beyond the safe integers', 2 ** 60],
    ['infinity', -Infinity],
    ['a bigint of 64 bits', -(2n ** 63n)],
    ['2^53 + 1', 2n ** 53n + 1n],
    ['true', true],
    ['false', false],
    ['bytes', Buffer.from([0, 255, 75, 70])],
    ['no bytes', Buffer.alloc(0)],
    ['null', null],
    ['a date', new Date('1969-07-20T20:17:40.123Z')],
    ['an object', { a: [1, 'b', null, { c: false }], '': '\uD800' }],
    ['an array', [1, [2]]],
    ['text that is not UTF-8', new RawText(Uint8Array.of(0x61, 0xff, 0xc3))],
  ]
  test.each(values)('%s', async (_title, value) => {
    const { table } = tableOf(type)
    await table.put(1, { c: value })
    const row = await table.get(1)
    expect(row).toEqual({ id: 1, c: value })
    expect(Object.is(row!['c'], -0)).toBe(Object.is(value, -0))
    expect(table.getSync(1)).toEqual(row)
  })
})

test('bytes come back as a Buffer, and a bigint as a number where that is exact', () => {
  const { table } = tableOf('')
  table.putSync(1, { c: Uint8Array.of(1, 2) })
  expect(table.getSync(1)!['c']).toEqual(Buffer.from([1, 2]))
  table.putSync(1, { c: 5n })
  expect(table.getSync(1)!['c']).toBe(5)
})

test('with safeIntegers every integer is a bigint, sealed or not', () => {
  const { table } = tableOf('', { safeIntegers: true })
  table.putSync(1, { c: 5 })
  expect(table.getSync(1)).toEqual({ id: 1n, c: 5n })
  table.putSync(1, { c: 5.5 })
  expect(table.getSync(1)).toEqual({ id: 1n, c: 5.5 })
})

describe('a value that would not come back as it is is refused, and nothing is written', () => {
  class Person {
    readonly name = 'Ada'
  }
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  const deep = JSON.parse('['.repeat(5000) + ']'.repeat(5000)) as unknown
  const values: ReadonlyArray<readonly [title: string, value: unknown]> = [
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['NaN', Number.NaN],
    ['an invalid date', new Date('x')],
    ['a lone surrogate', 'a\uD800'],
    ['an integer of 65 bits', 2n ** 63n],
    ['an instance of a class', new Person()],
    ['a Map', new Map()],
    ['a Float64Array', new Float64Array(1)],
    ['an object with undefined', { a: undefined }],
    ['an object with NaN', { a: Number.NaN }],
    ['an object with a date', { a: new Date(0) }],
    ['an object with a bigint', { a: 1n }],
    ['an array with a gap', Array(2)],
    ['a cycle', cycle],
    ['what nests 5,000 deep', deep],
  ]
  test.each(values)('%s', (_title, value) => {
    const { db, table } = tableOf('')
    const error = errorOf(() => table.putSync(1, { c: value } as never))
    expect(error.code).toBe('ERR_TABLE_VALUE')
    expect(error.message).toMatch(/column c/)
    expect(db.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 0 })
  })

  test('abuse 10: an envelope, which would be sealed twice', () => {
    const { db, table } = tableOf('')
    const envelope = sealSync(newKeyring(), 'x', {})
    for (const value of [envelope, toText(envelope)]) {
      expect(errorOf(() => table.putSync(1, { c: value })).message).toMatch(/sealed already/)
    }
    expect(db.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 0 })
  })
})

describe('the stored form', () => {
  test.each([
    ['TEXT', false, 'text'],
    ['VARCHAR(20)', false, 'text'],
    ['CLOB', false, 'text'],
    ['INTEGER', false, 'blob'],
    ['BLOB', false, 'blob'],
    ['', false, 'blob'],
    ['REAL', false, 'blob'],
    ['DECIMAL(10,5)', false, 'blob'],
    ['ANY', false, 'blob'],
    ['TEXT', true, 'text'],
    ['BLOB', true, 'blob'],
    ['ANY', true, 'blob'],
  ])('in a column of type %o (strict: %o) is %s', (type, strict, form) => {
    const { db, table } = tableOf(type, { strict })
    table.putSync(1, { c: 'secret' })
    expect(db.prepare('SELECT typeof(c) AS form FROM t').get()).toEqual({ form })
    expect(table.getSync(1)!['c']).toBe('secret')
  })

  test('get takes both forms, whatever the column', () => {
    const { db, table } = tableOf('TEXT')
    table.putSync(1, { c: 'secret' })
    const text = (db.prepare('SELECT c FROM t').get() as { c: string }).c
    db.prepare('UPDATE t SET c = ?').run(Buffer.from(text.slice(4), 'base64url'))
    expect(table.getSync(1)!['c']).toBe('secret')
  })

  test('costs at most 120 bytes over the value and its type tag', () => {
    const { db, table } = tableOf('BLOB')
    table.putSync(1, { c: Buffer.alloc(1000) })
    expect(db.prepare('SELECT length(c) - 1001 AS more FROM t').get()).toEqual({ more: 118 })
  })
})
