import { testRecordStore } from '@keyfold/core/testing'
import { describe, test } from 'vitest'
import { C, storeOf } from './rotating.ts'
import { connect, newDatabase } from './support.ts'

describe.each(['TEXT', 'BLOB', ''])('the store of an SQLite column declared %j', (type) => {
  testRecordStore({
    test,
    bench: (values) => {
      const db = newDatabase(`CREATE TABLE t (id INTEGER PRIMARY KEY, c ${type}); CREATE TABLE other (value)`)
      const insert = db.prepare('INSERT INTO t (c) VALUES (?)')
      db.transaction(() => values.forEach((value) => insert.run(value)))()
      const application = connect(db)
      return {
        store: storeOf(db),
        column: C,
        overwrite: (index, value) => void application.prepare('UPDATE t SET c = ? WHERE id = ?').run(asParameter(value), index + 1),
        addElsewhere: (value) => void application.prepare('INSERT INTO other VALUES (?)').run(asParameter(value)),
      }
    },
  })
})

function asParameter(value: string | Uint8Array | null): string | Buffer | null {
  return value instanceof Uint8Array ? Buffer.from(value) : value
}
