import type { ColumnCensus } from '@keyfold/core'
import { inspect, isKeyfoldError, KEY_ID_LENGTH } from '@keyfold/core'
import type { RawRow, SqliteDatabase } from './database.ts'
import { query, transaction } from './database.ts'
import { findKeyIndex, keyExpression, PLAINTEXT, UNCLEAR } from './key-index.ts'
import { typed } from './key-sql.ts'
import type { SealedColumn, TableLayout } from './layout.ts'
import { readCell } from './stored-cell.ts'

/** Counts of one column while they are taken. */
class Tally {
  plaintext = 0
  malformed = 0
  readonly byKey = new Map<string, number>()

  addKey(keyId: string, count: number): void {
    this.byKey.set(keyId, (this.byKey.get(keyId) ?? 0) + count)
  }

  /** The cells of one value of the key expression. */
  addGroup(key: unknown, count: number): void {
    if (key === PLAINTEXT) this.plaintext += count
    else {
      const keyId = keyIdOf(key)
      if (keyId === undefined) this.malformed += count
      else this.addKey(keyId, count)
    }
  }

  /** A cell that only parsing tells. */
  addUnclear(type: unknown, value: unknown): void {
    const cell = readCell(type, value)
    if (!cell.sealed) this.plaintext++
    else {
      const keyIds = keyIdsOf(cell.value)
      if (keyIds === undefined) this.malformed++
      else for (const keyId of keyIds) this.addKey(keyId, 1)
    }
  }
}

/** Counts a column in one read transaction: by the index on the key id where it is there, else by a scan. */
export function takeCensus(db: SqliteDatabase, table: TableLayout, column: SealedColumn): ColumnCensus {
  const key = keyExpression(column)
  return transaction(db, 'DEFERRED', () => {
    const tally = new Tally()
    const total = Number(query(db, `SELECT count(*) FROM ${table.sql}`).get()![0])
    const groups = findKeyIndex(db, table, column) === undefined ? scanGroups(db, table, key) : indexedGroups(db, table, key)
    let filled = 0
    for (const [value, size] of groups) {
      filled += Number(size)
      if (value !== UNCLEAR) tally.addGroup(value, Number(size))
    }
    const unclear = query(db, `SELECT ${typed(column.sql)} FROM ${table.sql} WHERE ${key} = ${UNCLEAR}`)
    for (const [type, value] of unclear.iterate()) tally.addUnclear(type, value)
    const { plaintext, malformed, byKey } = tally
    const { logical } = table.names.table
    return { table: logical, column: column.logical, total, null: total - filled, plaintext, malformed, byKey }
  })
}

function scanGroups(db: SqliteDatabase, table: TableLayout, key: string): RawRow[] {
  return query(db, `SELECT k, count(*) FROM (SELECT ${key} AS k FROM ${table.sql}) WHERE k IS NOT NULL GROUP BY k`).all()
}

/** Goes from key to key. A GROUP BY would walk the same index, but look up every row of the table on its way. */
function indexedGroups(db: SqliteDatabase, table: TableLayout, key: string): RawRow[] {
  const next = query(db, `SELECT ${key} FROM ${table.sql} WHERE ${key} > ? ORDER BY ${key} LIMIT 1`)
  const size = query(db, `SELECT count(*) FROM ${table.sql} WHERE ${key} = ?`)
  const groups: RawRow[] = []
  for (let found = next.get(-1n); found !== undefined; found = next.get(found[0])) groups.push([found[0], size.get(found[0])![0]])
  return groups
}

/** The id as hex, from the form of the cell that it stands in. */
function keyIdOf(key: unknown): string | undefined {
  if (key instanceof Uint8Array) return Buffer.from(key).toString('hex')
  const bytes = Buffer.from(key as string, 'base64url')
  return bytes.length === KEY_ID_LENGTH && bytes.toString('base64url') === key ? bytes.toString('hex') : undefined
}

function keyIdsOf(envelope: Uint8Array): string[] | undefined {
  try {
    return inspect(envelope).entries.map(({ keyId }) => keyId)
  } catch (error) {
    if (isKeyfoldError(error)) return undefined
    throw error
  }
}
