/** What a campaign rotates: a database of plain rows, keys, a config, and triggers that count what a run writes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBranchKeys, createKeyring } from '@keyfold/core'
import type { BranchKeys, Keyring, SyncKeyWrapper } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { openDatabase, sqliteBranchKeyStore } from '@keyfold/sqlite'
import Sqlite from 'better-sqlite3'

/** `branch-keys`: records are sealed under a branch key for each table. */
export type KeyKind = 'keyring' | 'branch-keys'
export type Journal = 'WAL' | 'DELETE'

/** Two tables with one sealed column each, so that a trigger that knows no columns (one that did would be refused) still counts cells. */
export const TABLES = [
  { table: 'customers', id: 'id', columns: ['email'] },
  { table: 'notes', id: 'id', columns: ['body'] },
] as const
export type TableName = (typeof TABLES)[number]['table']
export const columnOf = (table: TableName): string => TABLES.find((candidate) => candidate.table === table)!.columns[0]

/** One row in five is a note; the ids of each table are 1, 2, 3, … */
export function rowsOf(table: TableName, rows: number): number {
  return table === 'notes' ? Math.floor(rows / 5) : rows - Math.floor(rows / 5)
}

/** What stands in a row before anybody changes it: text in one table, bytes in the other. */
export function originalOf(table: TableName, id: number): string | Buffer {
  return table === 'customers' ? `person${id}@example.org` : Buffer.from(`note ${id}: `.padEnd(60 + (id % 50), 'x'))
}

/** One number for a cell of either table. */
export const cellOf = (table: TableName, id: number): number => id * 2 + (table === 'customers' ? 0 : 1)

export const databaseOf = (folder: string): string => join(folder, 'app.db')
export const ledgerOf = (folder: string): string => join(folder, 'ledger.db')
export const keyOf = (folder: string, index: number): string => join(folder, `k${index}.key`)

/**
 * Makes the database. Whoever is the application says so in the table `application` for the length of its transaction; what else updates a row
 * is a run, and counted in `writes`. `again` counts the second and later times of a cell.
 */
export function createWorld(folder: string, rows: number, journal: Journal): void {
  const db = new Sqlite(databaseOf(folder))
  db.pragma(`journal_mode = ${journal}`)
  db.exec(`
    CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT);
    CREATE TABLE notes (id INTEGER PRIMARY KEY, body BLOB);
    CREATE TABLE application (writes INTEGER);
    CREATE TABLE writes (cell INTEGER PRIMARY KEY, times INTEGER NOT NULL);
    CREATE TABLE again (times INTEGER NOT NULL);
    INSERT INTO again VALUES (0);
    CREATE TRIGGER second_write AFTER UPDATE ON writes BEGIN UPDATE again SET times = times + 1; END;`)
  for (const { table } of TABLES) {
    db.exec(`CREATE TRIGGER ${table}_written AFTER UPDATE ON ${table} WHEN NOT EXISTS (SELECT 1 FROM application) BEGIN
      INSERT INTO writes VALUES (${cellOf(table, 0) === 0 ? 'new.id * 2' : 'new.id * 2 + 1'}, 1) ON CONFLICT DO UPDATE SET times = times + 1;
    END;`)
    const insert = db.prepare(`INSERT INTO ${table} VALUES (?, ?)`)
    db.transaction(() => {
      for (let id = 1; id <= rowsOf(table, rows); id++) insert.run(id, originalOf(table, id))
    })()
  }
  db.close()
}

/** Makes the next key, and the config that has it active. */
export function makeActive(folder: string, active: number, kind: KeyKind): void {
  createKeyFile(keyOf(folder, active))
  const uri = (index: number): string => `key-file:./k${index}.key`
  const config = {
    ledger: './ledger.db',
    keyring: { active: uri(active), decryptOnly: Array.from({ length: active }, (_, i) => uri(active - 1 - i)) },
    ...(kind === 'branch-keys' && { branchKeys: { type: 'sqlite', path: './app.db', partition: { by: 'table' } } }),
    stores: [{ type: 'sqlite', path: './app.db', tables: TABLES }],
  }
  writeFileSync(join(folder, 'kms-rotate.config.json'), JSON.stringify(config))
}

/** @param older whether the keys before the active one may open too */
function keyringOf(folder: string, active: number, older: boolean): Keyring<SyncKeyWrapper> {
  const decryptOnly = older ? Array.from({ length: active }, (_, i) => keyFile(keyOf(folder, active - 1 - i))) : []
  return createKeyring({ active: keyFile(keyOf(folder, active)), decryptOnly })
}

/** What an application seals and opens with. `close` ends what it opened. */
export interface Keys {
  readonly source: Keyring<SyncKeyWrapper> | BranchKeys
  /** Makes the keys of all tables ready for sync calls. */
  unlock(): Promise<void>
  close(): void
}

/** How long a process may go on with a branch key that was replaced meanwhile. */
export const BRANCH_KEY_TTL_MS = 2000

export async function keysOf(folder: string, active: number, kind: KeyKind, older: boolean): Promise<Keys> {
  const keyring = keyringOf(folder, active, older)
  if (kind === 'keyring') return { source: keyring, unlock: async () => undefined, close: () => undefined }
  const store = sqliteBranchKeyStore(await openDatabase(databaseOf(folder)))
  const source = createBranchKeys({ keyring, store, partition: { by: 'table' }, ttlMs: BRANCH_KEY_TTL_MS })
  return { source, unlock: () => source.unlock(TABLES.map(({ table }) => table)), close: () => store.close() }
}

/** New branch keys for all tables; else rotating the master key would leave the rows alone. */
export async function renewBranchKeys(folder: string, active: number): Promise<void> {
  const store = sqliteBranchKeyStore(await openDatabase(databaseOf(folder)))
  const keys = createBranchKeys({ keyring: keyringOf(folder, active, true), store, partition: { by: 'table' } })
  try {
    for (const { table } of TABLES) await keys.rotate(table)
  } finally {
    store.close()
  }
}
