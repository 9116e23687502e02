import type { Database } from '../sqlite-driver.ts'
import type { Clock } from './clock.ts'
import type { ColumnPlace, QuarantineBook, QuarantinedRecord } from './types.ts'

/** The records of a ledger that were set aside. There may be a million of them: what is read is counted or limited. */
export function quarantineBook(db: Database, clock: Clock, fence: () => void): QuarantineBook {
  const clear = db.prepare('DELETE FROM quarantine WHERE store = ? AND table_name = ? AND column_name = ?')
  const insert = db.prepare(
    `INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET code = excluded.code, rotation = excluded.rotation`,
  )
  const count = db.prepare(
    'SELECT store, table_name AS "table", column_name AS "column", code, count(*) AS records FROM quarantine GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4',
  )
  const list = db.prepare(
    `SELECT store, table_name AS "table", column_name AS "column", record, code, since FROM quarantine
     ORDER BY store, table_name, column_name, record LIMIT ?`,
  )
  const write = (rotation: number, { store, table, column }: ColumnPlace, records: ReadonlyArray<{ record: string; code: string }>): void => {
    fence()
    for (const { record, code } of records) insert.run(store, table, column, record, code, rotation, clock())
  }
  return {
    clear: ({ store, table, column }) => void clear.run(store, table, column),
    add: (rotation, place, records) => db.transaction(() => write(rotation, place, records)).immediate(),
    count: () => count.all() as ReturnType<QuarantineBook['count']>,
    list: (limit) => list.all(limit) as QuarantinedRecord[],
  }
}
