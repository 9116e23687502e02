/** A database whose file is encrypted as a whole, beside one with a sealed column and one in clear. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createKeyring } from '@keyfold/core'
import { sealedTable } from '@keyfold/sqlite'
import type { Effort } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Result } from '../report.ts'
import { compared } from '../report.ts'
import { inFolder, newKeyFile } from '../suite.ts'

const ROWS = 500
const LIBRARY = 'better-sqlite3-multiple-ciphers'
const LACKS = 'one key for the file: no key a record, no rotation row by row, and whoever opens the file reads all of it'

/** Reads so many rows, and leaves the rest. */
function firstRows(rows: Iterable<unknown>): void {
  const left = rows[Symbol.iterator]()
  for (let i = 0; i < ROWS && left.next().done !== true; i++);
  left.return?.()
}

/** All three in the same build of SQLite. */
export function benchDatabase(effort: Effort): Promise<Result[]> {
  return inFolder(async (folder) => {
    const { default: Database } = await import('better-sqlite3-multiple-ciphers')
    const keyring = createKeyring({ active: newKeyFile(folder, 'bench') })
    const payload = randomBytes(256)
    const ids = Array.from({ length: ROWS }, (_, i) => i + 1)
    const opened = (name: string, ...pragmas: string[]) => {
      const db = new Database(join(folder, `${name}.db`))
      for (const pragma of [...pragmas, 'journal_mode = WAL']) db.pragma(pragma)
      db.exec('CREATE TABLE records (id INTEGER PRIMARY KEY, payload BLOB)')
      return db
    }
    const plainUse = (name: string, ...pragmas: string[]) => {
      const db = opened(name, ...pragmas)
      const [insert, scan] = [db.prepare('INSERT INTO records (payload) VALUES (?)'), db.prepare('SELECT * FROM records WHERE id <= ?')]
      return {
        insert: db.transaction(() => ids.forEach(() => insert.run(payload))),
        scan: () => firstRows(scan.iterate(ROWS)),
      }
    }
    const plain = plainUse('plain')
    const whole = plainUse('whole', "cipher = 'sqlcipher'", `key = '${randomBytes(16).toString('hex')}'`)
    const db = opened('sealed')
    const table = sealedTable(db, { table: 'records', id: 'id', columns: ['payload'], keyring })
    const timings = await interleave(
      {
        plainInsert: plain.insert,
        wholeInsert: whole.insert,
        sealedInsert: db.transaction(() => ids.forEach(() => table.insertSync({ payload }))),
        plainScan: plain.scan,
        wholeScan: whole.scan,
        sealedScan: () => firstRows(table.iterateSync()),
      },
      effort,
    )
    const { plainInsert, wholeInsert, sealedInsert, plainScan, wholeScan, sealedScan } = timings
    const peer = (over: number, under: number) => ({ library: LIBRARY, lacks: LACKS, timesKeyfold: Math.round((over / under) * 100) / 100 })
    return [
      compared('SQLite insert of a row, sealed column', sealedInsert, plainInsert, ROWS),
      { ...compared(`SQLite insert of a row, ${LIBRARY} (SQLCipher)`, wholeInsert, plainInsert, ROWS), peer: peer(wholeInsert.us, sealedInsert.us) },
      compared('SQLite read of a row in a scan, sealed column', sealedScan, plainScan, ROWS),
      { ...compared(`SQLite read of a row in a scan, ${LIBRARY} (SQLCipher)`, wholeScan, plainScan, ROWS), peer: peer(wholeScan.us, sealedScan.us) },
    ]
  })
}
