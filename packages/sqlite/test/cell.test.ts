import { sealSync } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import type { Cell } from '../src/cell.ts'
import { decodeCell, encodeCell } from '../src/cell.ts'
import { sealedTable } from '../src/index.ts'
import { errorOf, newDatabase, newKeyring } from './support.ts'

/** The table of docs/sqlite.md. These bytes lie in databases: a change here is a change that nobody's data survives. */
const FROZEN: ReadonlyArray<readonly [cell: Cell, hex: string]> = [
  [{ type: 'integer', value: 42n }, '01000000000000002a'],
  [{ type: 'integer', value: -1n }, '01ffffffffffffffff'],
  [{ type: 'integer', value: 2n ** 53n + 1n }, '010020000000000001'],
  [{ type: 'integer', value: -(2n ** 63n) }, '018000000000000000'],
  [{ type: 'real', value: 5 }, '024014000000000000'],
  [{ type: 'real', value: -0 }, '028000000000000000'],
  [{ type: 'text', value: Buffer.from('078-05-1120') }, '033037382d30352d31313230'],
  [{ type: 'text', value: Buffer.alloc(0) }, '03'],
  [{ type: 'text', value: Buffer.from([0xff, 0x00]) }, '03ff00'],
  [{ type: 'blob', value: Buffer.from([1, 2]) }, '040102'],
  [{ type: 'blob', value: Buffer.alloc(0) }, '04'],
  [{ type: 'json', value: '{"a":[1,null]}' }, '057b2261223a5b312c6e756c6c5d7d'],
  [{ type: 'date', value: 1 }, '060000000000000001'],
  [{ type: 'date', value: -1 }, '06ffffffffffffffff'],
  [{ type: 'boolean', value: true }, '0701'],
  [{ type: 'boolean', value: false }, '0700'],
]

test.each(FROZEN)('%o is encoded as docs/sqlite.md says, and decoded again', (cell, hex) => {
  expect(Buffer.from(encodeCell(cell)).toString('hex')).toBe(hex)
  const decoded = decodeCell(Buffer.from(hex, 'hex'))
  expect(decoded.type).toBe(cell.type)
  expect(Object.is(decoded.value, cell.value) || Buffer.compare(decoded.value as Buffer, cell.value as Buffer) === 0).toBe(true)
})

describe('what no sealed table wrote is refused by a typed error', () => {
  test.each(['', '00', '08ff', 'ff', '01', '0100', '01000000000000002a00', '0240', '0600', '07', '0702', '070100', '05ff',
    '027ff8000000000000', '067fffffffffffffff'])('%s', (hex) => {
    expect(errorOf(() => decodeCell(Buffer.from(hex, 'hex'))).code).toBe('ERR_TABLE_TYPE')
  })

  test('through get, without the value in the error', () => {
    const keyring = newKeyring()
    const db = newDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, c)')
    const table = sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring })
    for (const plaintext of ['no tag, but a secret', '\x05{"secret"']) {
      const envelope = sealSync(keyring, plaintext, { table: 't', column: 'c', id: 'integer:1' })
      db.prepare('REPLACE INTO t VALUES (1, ?)').run(Buffer.from(envelope))
      const error = errorOf(() => table.getSync(1))
      expect(error.code).toBe('ERR_TABLE_TYPE')
      expect(JSON.stringify([error.message, error.hint, String(error.cause)])).not.toContain('secret')
    }
  })
})
