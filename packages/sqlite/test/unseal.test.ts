import { openSync } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { sealedTable } from '../src/index.ts'
import { C, rotateColumn, storeOf } from './rotating.ts'
import { connect, newDatabase, newKeyring } from './support.ts'

describe('unsealing a column', () => {
  test.each(['TEXT', 'BLOB', 'INTEGER', 'REAL', 'NUMERIC', ''])('declared %j gives back every value with its type, to the byte', (type) => {
    const keyring = newKeyring()
    const db = newDatabase(`CREATE TABLE t (id INTEGER PRIMARY KEY, c ${type})`)
    const values = "(5), (5.0), (-0.0), (9e999), ('5'), ('a' || char(0) || 'b'), (CAST(x'ff41' AS TEXT)), (x'00ff'), (''), (x''), (NULL)"
    db.exec(`INSERT INTO t (c) VALUES ${values}`)
    db.prepare('INSERT INTO t (c) VALUES (?)').run(2n ** 63n - 1n)
    const image = (): unknown => db.prepare("SELECT id, typeof(c), hex(c), printf('%!.17g', c) FROM t").raw(true).all()
    const before = image()
    const store = storeOf(connect(db))
    rotateColumn(store, keyring)
    const sealed = store.read(C, { limit: 100 })
    expect(sealed.every((record) => record.sealed)).toBe(true)
    const openings = sealed.map((record) => ({ record, plaintext: openSync(keyring, record.value, record.context) }))
    expect(store.unseal(C, openings)).toBe(11)
    expect(image()).toEqual(before)
  })

  test('writes dates, booleans and JSON of a sealed table as applications commonly store them', async () => {
    const keyring = newKeyring()
    const db = newDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, c)')
    const table = sealedTable(connect(db), { table: 't', id: 'id', columns: ['c'], keyring })
    await table.put(1, { c: new Date(0) })
    await table.put(2, { c: true })
    await table.put(3, { c: { a: [1] } })
    const store = storeOf(connect(db))
    const openings = store.read(C, { limit: 9 }).map((record) => ({ record, plaintext: openSync(keyring, record.value, record.context) }))
    store.unseal(C, openings)
    expect(db.prepare('SELECT c FROM t ORDER BY id').pluck().all()).toEqual(['1970-01-01T00:00:00.000Z', 1, '{"a":[1]}'])
  })

  test('refuses what is no value of a sealed table, and then replaces nothing', () => {
    const keyring = newKeyring()
    const db = newDatabase("CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t (c) VALUES ('a'), ('b')")
    const store = storeOf(connect(db))
    rotateColumn(store, keyring)
    const [a, b] = store.read(C, { limit: 9 })
    const openings = [
      { record: a!, plaintext: openSync(keyring, a!.value, a!.context) },
      { record: b!, plaintext: Uint8Array.of(99) },
    ]
    expect(() => store.unseal(C, openings)).toThrow(expect.objectContaining({ code: 'ERR_TABLE_TYPE' }) as Error)
    expect(store.read(C, { limit: 9 }).map(({ sealed }) => sealed)).toEqual([true, true])
  })
})
