/** A database of sealed rows to rotate, its keys, and one rotation over it. */
import { join } from 'node:path'
import type { Keyring, SyncBatchKeyWrapper } from '@keyfold/core'
import { createKeyring, sealManySync } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import type { Reason, RotateOptions } from '@keyfold/rotation'
import { openLedger, rotate } from '@keyfold/rotation'
import { openDatabase, sqliteStore, sqliteStoreOnThread } from '@keyfold/sqlite'
import BetterSqlite3 from 'better-sqlite3'

const PAYLOAD = 256
const TABLES = [{ table: 'records', id: 'id', columns: ['payload'] }]
const INSERTED_AT_ONCE = 1000

export interface Keys {
  readonly a: SyncBatchKeyWrapper
  readonly b: SyncBatchKeyWrapper
}

/** Makes the key files where they are missing. */
export function keysIn(folder: string, make: boolean): Keys {
  const [a, b] = ['a', 'b'].map((name) => {
    const path = join(folder, `${name}.key`)
    if (make) createKeyFile(path)
    return keyFile(path) as SyncBatchKeyWrapper
  }) as [SyncBatchKeyWrapper, SyncBatchKeyWrapper]
  return { a, b }
}

/** The keyring that moves rows to `to`. */
function movingTo(to: keyof Keys, { a, b }: Keys): Keyring<SyncBatchKeyWrapper> {
  return to === 'a' ? createKeyring({ active: a, decryptOnly: [b] }) : createKeyring({ active: b, decryptOnly: [a] })
}

/** Rows of 256 B under key b. The index on the key id, which a rotation makes once in a table's life, is there from the start. */
export async function makeDatabase(path: string, rows: number, keys: Keys): Promise<void> {
  const db = new BetterSqlite3(path)
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE records (id INTEGER PRIMARY KEY, payload BLOB)')
  const insert = db.prepare('INSERT INTO records VALUES (?, ?)')
  // Plaintexts of the store carry a tag of one byte.
  const plaintext = new Uint8Array(1 + PAYLOAD).fill(0x61)
  plaintext[0] = 4
  const ids = Array.from({ length: INSERTED_AT_ONCE }, (_, i) => i + 1)
  for (let base = 0; base < rows; base += INSERTED_AT_ONCE) {
    const some = ids.map((i) => base + i).filter((id) => id <= rows)
    const records = some.map((id) => ({ plaintext, context: { table: 'records', column: 'payload', id: `integer:${id}` } }))
    const envelopes = sealManySync(movingTo('b', keys), records)
    db.transaction(() => some.forEach((id, i) => insert.run(id, envelopes[i])))()
  }
  sqliteStore(db, { tables: TABLES }).prepare()
  db.close()
}

export interface RotationCase {
  readonly folder: string
  readonly path: string
  readonly to: keyof Keys
  readonly reason: Reason
  /** 2: the database is on a thread of its own. */
  readonly threads: 1 | 2
  readonly options?: Partial<RotateOptions>
}

let ledgers = 0

/**
 * Rotates the rows; where their number is given, throws unless all were moved. A ledger of its own each time: in a real one, a key that was
 * retired does not come back.
 */
export async function rotateOnce({ folder, path, to, reason, threads, options }: RotationCase, keys: Keys, rows?: number): Promise<void> {
  const store = threads === 2 ? await sqliteStoreOnThread(path, { tables: TABLES }) : sqliteStore(await openDatabase(path), { tables: TABLES })
  const ledger = await openLedger(join(folder, `${process.pid}-${ledgers++}.ledger.db`))
  const report = await rotate({ keyring: movingTo(to, keys), stores: [store], ledger, reason, scrub: false, ...options })
  ledger.close()
  await store.close()
  const moved = report.rewrapped + report.reencrypted
  if (rows !== undefined && moved !== rows) throw new Error(`of ${rows} rows ${moved} were moved`)
}
