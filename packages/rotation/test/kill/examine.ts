import { openDatabase, sealedTable } from '@keyfold/sqlite'
import Sqlite from 'better-sqlite3'
import type { Application } from './application.ts'
import type { Program } from './victim.ts'
import { runVictim } from './victim.ts'
import { columnOf, databaseOf, keysOf, originalOf, rowsOf, TABLES } from './world.ts'
import type { KeyKind, TableName } from './world.ts'

/** What is wrong with a database, in words; empty where nothing is. */
export type Faults = string[]

export interface Examined {
  readonly faults: Faults
  readonly cells: number
  readonly acknowledged: number
}

/** Opens every cell with the last key alone, and compares it with what was written last: at first, or by an acknowledged write. */
export async function examine(
  program: Program, folder: string, kind: KeyKind, rows: number, active: number, application: Application,
): Promise<Examined> {
  const acknowledged = application.acknowledged()
  const expected = expectedRows(rows, acknowledged)
  const faults = [...integrity(folder), ...(await census(program, folder, active, expected))]
  const keys = await keysOf(folder, active, kind, false)
  await keys.unlock()
  const db = await openDatabase(databaseOf(folder))
  let cells = 0
  for (const { table, id, columns } of TABLES) {
    const rowsOfTable = sealedTable(db, { table, id, columns, keyring: keys.source })
    const want = expected.get(table)!
    const ids = new Set(db.prepare(`SELECT id FROM ${table}`).raw().all().map((row) => (row as [number])[0]))
    const lost = [...want.keys()].filter((row) => !ids.has(row))
    if (lost.length > 0) faults.push(`${lost.length} rows of ${table} are lost, such as ${lost[0]}`)
    let [wrong, undecryptable, examples] = [0, 0, '']
    for (const row of ids) {
      const found = await rowsOfTable.get(row).then((opened) => opened?.[columnOf(table)], (error: { code?: string }) => error)
      cells++
      if (found instanceof Error) undecryptable++
      else if (!same(found, want.get(row))) wrong++
      else continue
      examples += ` ${row}`
    }
    const sample = examples.split(' ').slice(1, 6).join(', ')
    if (undecryptable > 0) faults.push(`${undecryptable} cells of ${table} do not open; faults at ${sample}`)
    if (wrong > 0) faults.push(`${wrong} cells of ${table} hold another value than was written last; faults at ${sample}`)
  }
  db.close()
  keys.close()
  return { faults, cells, acknowledged: acknowledged.length }
}

function same(found: unknown, wanted: string | Buffer | undefined): boolean {
  if (wanted === undefined) return false
  return typeof wanted === 'string' ? found === wanted : Buffer.isBuffer(found) && found.equals(wanted)
}

type Expected = ReadonlyMap<TableName, Map<number, string | Buffer>>

function expectedRows(rows: number, acknowledged: ReturnType<Application['acknowledged']>): Expected {
  const expected = new Map(
    TABLES.map(({ table }) => [
      table,
      new Map(Array.from({ length: rowsOf(table, rows) }, (_, i) => [i + 1, originalOf(table, i + 1)] as const)),
    ]),
  )
  for (const { table, id, value } of acknowledged) {
    if (value === undefined) expected.get(table)!.delete(id)
    else expected.get(table)!.set(id, value)
  }
  return expected
}

export function integrity(folder: string): Faults {
  const db = new Sqlite(databaseOf(folder))
  const found = db.pragma('integrity_check', { simple: true }) as string
  db.close()
  return found === 'ok' ? [] : [`integrity_check says: ${found}`]
}

interface Counted {
  readonly table: string
  readonly total: number
  readonly plaintext: number
  readonly byKey: Readonly<Record<string, number>>
}

/** The census of `kms-rotate status` must be the rows, all under the last key. */
async function census(program: Program, folder: string, active: number, expected: Expected): Promise<Faults> {
  const { stdout, code } = await runVictim(program, folder, ['status', '--json'], 'never')
  if (code !== 0) return [`status ends with ${code}`]
  const { stores } = JSON.parse(stdout) as { stores: readonly Counted[] }
  return stores.flatMap(({ table, total, plaintext, byKey }) => {
    const want = expected.get(table as TableName)!.size
    const under = byKey[`key-file:k${active}`] ?? 0
    return total === want && plaintext === 0 && under === want
      ? []
      : [`the census of ${table} is ${JSON.stringify({ total, plaintext, byKey })}, and there are ${want} rows`]
  })
}
