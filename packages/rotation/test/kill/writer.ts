/**
 * The application beside a rotation, as a process of its own: updates, inserts and deletes rows through sealed tables, some fifty times a second.
 * `writer.ts FOLDER KIND ROWS SEED`; obeys lines on stdin (`keys N`, `hold`, `go`), answers each with `ok`, and ends with stdin.
 * A write is acknowledged in the file `acknowledged`, a JSON line each, once it is on the disk; the line is there before the next write begins.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { isKeyfoldError } from '@keyfold/core'
import { sealedTable } from '@keyfold/sqlite'
import type { SyncSealedTable } from '@keyfold/sqlite'
import Sqlite from 'better-sqlite3'
import { Random } from './random.ts'
import { cellOf, columnOf, databaseOf, keysOf, rowsOf, TABLES } from './world.ts'
import type { KeyKind, Keys, TableName } from './world.ts'

const [folder, kind, rows, seed] = [process.argv[2]!, process.argv[3] as KeyKind, Number(process.argv[4]), Number(process.argv[5])]
const random = new Random(seed)
const PAUSE_MS = 20

/** One change of one row; `value` is undefined for a deletion. Row ids from 10,000,000 on are new rows. */
interface Change {
  readonly table: TableName
  readonly id: number
  readonly value: string | undefined
}

class Application {
  readonly #db = new Sqlite(databaseOf(folder), { timeout: 20_000 })
  readonly #log = openSync(join(folder, 'acknowledged'), 'a')
  #keys: Keys | undefined
  #tables = new Map<TableName, SyncSealedTable>()
  #count = 0
  #inserted = 10_000_000

  constructor() {
    this.#db.pragma('synchronous = FULL')
  }

  /** Seals under this key from now on. */
  async use(active: number): Promise<void> {
    this.#keys?.close()
    this.#keys = await keysOf(folder, active, kind, true)
    const keyring = this.#keys.source
    this.#tables = new Map(TABLES.map((table) => [table.table, sealedTable(this.#db, { ...table, keyring })]))
  }

  async writeOne(): Promise<void> {
    const change = this.#choose()
    try {
      await this.#keys!.unlock()
      this.#perform(change)
    } catch (error) {
      // Nothing was written and nothing is acknowledged: the application would try again, with this row or another.
      if (isKeyfoldError(error, 'ERR_SQLITE_BUSY', 'ERR_BRANCH_KEY_LOCKED') || (error as { code?: string }).code === 'SQLITE_BUSY') return
      throw error
    }
    writeSync(this.#log, `${JSON.stringify(change)}\n`)
    fdatasyncSync(this.#log)
  }

  #choose(): Change {
    const table = random.pick(TABLES).table
    const draw = random.next()
    const isNew = draw < 0.2
    const id = isNew ? ++this.#inserted : 1 + random.below(rowsOf(table, rows))
    return { table, id, value: draw > 0.85 ? undefined : `${table} ${++this.#count} by the application` }
  }

  /** What the application writes is not counted, and counts as a new value of the cell: a run may write it once more. */
  #perform({ table, id, value }: Change): void {
    const sealed = this.#tables.get(table)!
    this.#db.transaction(() => {
      this.#db.exec('INSERT INTO application VALUES (1)')
      if (value === undefined) sealed.deleteSync(id)
      else sealed.putSync(id, { [columnOf(table)]: value })
      this.#db.prepare('DELETE FROM writes WHERE cell = ?').run(cellOf(table, id))
      this.#db.exec('DELETE FROM application')
    }).immediate()
  }

  close(): void {
    closeSync(this.#log)
    this.#keys?.close()
    this.#db.close()
  }
}

const application = new Application()
const state = { writing: false, ended: false }
let obeyed: Promise<void> = Promise.resolve()

async function obey(line: string): Promise<void> {
  const [command, argument] = line.split(' ')
  if (command === 'keys') await application.use(Number(argument))
  state.writing = command === 'go'
  process.stdout.write('ok\n')
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    obeyed = obeyed.then(() => obey(line))
  })
  .on('close', () => (state.ended = true))

while (!state.ended) {
  await obeyed
  if (state.writing) await application.writeOne()
  await sleep(PAUSE_MS * (0.5 + random.next()))
}
application.close()
