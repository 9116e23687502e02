/** What does a sealed column cost in SQLite, against the same column in clear? */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createKeyring } from '@keyfold/core'
import { sealedTable } from '@keyfold/sqlite'
import BetterSqlite3 from 'better-sqlite3'
import type { Effort } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import { compared } from '../report.ts'
import type { Section } from '../report.ts'
import type { Suite } from '../suite.ts'
import { inFolder, newKeyFile } from '../suite.ts'

/** As many rows a transaction as are best for SQLite. */
const ROWS = 500

export const sqlite: Suite = { name: 'sqlite', run: ({ effort }) => inFolder((folder) => benchTable(folder, effort)) }

async function benchTable(folder: string, effort: Effort): Promise<Section> {
  const db = new BetterSqlite3(join(folder, 'bench.db'))
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE plain (id INTEGER PRIMARY KEY, payload BLOB); CREATE TABLE sealed (id INTEGER PRIMARY KEY, payload BLOB)')
  const keyring = createKeyring({ active: newKeyFile(folder, 'bench') })
  const sealed = sealedTable(db, { table: 'sealed', id: 'id', columns: ['payload'], keyring })
  const [insert, select] = [db.prepare('INSERT INTO plain (payload) VALUES (?)'), db.prepare('SELECT * FROM plain WHERE id = ?')]
  const [update, scan] = [db.prepare('UPDATE plain SET payload = ? WHERE id = ?'), db.prepare('SELECT * FROM plain WHERE id <= ? ORDER BY id')]
  const payload = randomBytes(256)
  const ids = Array.from({ length: ROWS }, (_, i) => i + 1)
  const inTransaction = (work: (id: number) => unknown) => db.transaction(() => ids.forEach((id) => work(id)))
  const timings = await interleave(
    {
      insert: inTransaction(() => sealed.insertSync({ payload })),
      insertFloor: inTransaction(() => insert.run(payload)),
      update: inTransaction((id) => sealed.putSync(id, { payload })),
      updateFloor: inTransaction((id) => update.run(payload, id)),
      select: () => ids.forEach((id) => sealed.getSync(id)),
      selectFloor: () => ids.forEach((id) => select.get(id)),
      scan: () => firstRows(sealed.iterateSync()),
      scanFloor: () => firstRows(scan.iterate(ROWS)),
    },
    effort,
  )
  db.close()
  const results = [
    compared('insert a row', timings.insert, timings.insertFloor, ROWS),
    compared('update a row', timings.update, timings.updateFloor, ROWS),
    compared('read a row by its id', timings.select, timings.selectFloor, ROWS),
    compared('read a row in a scan', timings.scan, timings.scanFloor, ROWS),
  ]
  return { title: `SQLite, per row of 256 B, ${ROWS} rows a transaction`, floor: 'better-sqlite3 with the same column in clear', results }
}

function firstRows(rows: Iterable<unknown>): void {
  const left = rows[Symbol.iterator]()
  for (let i = 0; i < ROWS && left.next().done !== true; i++);
  left.return?.()
}
