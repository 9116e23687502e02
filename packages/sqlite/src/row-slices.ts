import type { SqliteDatabase } from './database.ts'
import { guarded, query } from './database.ts'

/** What one stretch should take, so that others get their turn. */
const TARGET_MS = 25
const FIRST_ROWS = 1000
const MOST_ROWS = 50_000
const FIRST_ROWID = -0x8000_0000_0000_0000n

/** Looks at a stretch of rows, given as a WHERE with its parameters, and says how many these were. */
type Look = (where: string, parameters: readonly unknown[]) => number

/** A table in stretches of rows, as many at a time as take a few milliseconds. One without rowid is one stretch. */
export class RowSlices {
  readonly table: string
  readonly #db: SqliteDatabase
  readonly #rowid: string | undefined

  constructor(db: SqliteDatabase, table: string, rowid: string | undefined) {
    this.#db = db
    this.table = table
    this.#rowid = rowid
  }

  *walk(look: Look): Generator<number, void, undefined> {
    if (this.#rowid === undefined) return void (yield look('', []))
    const after = `${this.#rowid} >= ?`
    const nth = guarded(() => query(this.#db, `SELECT ${this.#rowid} FROM ${this.table} WHERE ${after} ORDER BY ${this.#rowid} LIMIT 1 OFFSET ?`))
    let rows = FIRST_ROWS
    for (let from = FIRST_ROWID; ; ) {
      const started = performance.now()
      // Finding the end reads no value that stands in pages of its own.
      const next = guarded(() => nth.get(from, rows))?.[0] as bigint | undefined
      yield next === undefined ? look(`WHERE ${after}`, [from]) : look(`WHERE ${after} AND ${this.#rowid} < ?`, [from, next])
      if (next === undefined) return
      from = next
      rows = fitting(rows, performance.now() - started)
    }
  }
}

function fitting(rows: number, milliseconds: number): number {
  const wanted = Math.round((rows * TARGET_MS) / Math.max(1, milliseconds))
  return Math.max(1, Math.min(MOST_ROWS, 4 * rows, wanted))
}
