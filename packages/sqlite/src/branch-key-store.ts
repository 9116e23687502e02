import type { StoredBranchKey, SyncBranchKeyStore } from '@keyfold/core'
import { BranchKeyTable } from './branch-key-table.ts'
import type { RawRow, SqliteDatabase, SqliteStatement } from './database.ts'
import { guarded, transaction } from './database.ts'
import { sqliteError } from './errors.ts'
import { durably } from './pragmas.ts'
import { clearLog } from './scrub.ts'
import { checkOptionNames } from './table-options.ts'

export interface SqliteBranchKeyStoreOptions {
  /** The table, made with the first branch key; `keyfold_branch_keys` where it is left out. */
  readonly table?: string
  /** For people and reports; the path of the database where it is left out. */
  readonly name?: string
}

/** Branch keys in a table. Nothing of it needs to wait. */
export interface SqliteBranchKeyStore extends SyncBranchKeyStore {
  /**
   * Removes what destroyed and replaced keys left behind in the file: pages of the table, write-ahead log, journal. Destroying does the same;
   * this says what another connection held up then, and does it later.
   *
   * @returns what remains and why, in sentences for people; empty where nothing does
   */
  scrub(): string[]
  /** Closes the connection. */
  close(): void
}

const TABLE = 'keyfold_branch_keys'

/**
 * Keeps branch keys in a table of an SQLite database: the application's own, or one of their own. Every process opens the same file.
 *
 * A write is durable when it returns, whatever `synchronous` says otherwise. It is a transaction of its own: within one of the caller's on the
 * same connection it is refused, since a rollback would take a key away that has sealed records by then. So unlock partitions before a transaction
 * begins. A lock of another connection is waited for, as long as this connection's busy timeout says.
 *
 * Destroying a key rewrites the table with secure_delete and cuts the write-ahead log, so that its sealed bytes leave the file: it takes the longer,
 * the more branch keys there are.
 *
 * @param db an open better-sqlite3 database, as `openDatabase` gives it
 * @throws KeyfoldError ERR_TABLE_OPTIONS, ERR_BRANCH_KEY_TABLE where the table is somebody else's; the methods throw ERR_SQLITE_…, for a transaction
 *   of the caller's ERR_SQLITE_TRANSACTION
 * @example const store = sqliteBranchKeyStore(await openDatabase('./app.db'))
 */
export function sqliteBranchKeyStore(db: SqliteDatabase, options: SqliteBranchKeyStoreOptions = {}): SqliteBranchKeyStore {
  checkOptionNames(options, ['table', 'name'])
  if (typeof db?.prepare !== 'function') throw sqliteError('ERR_TABLE_OPTIONS', 'db is not a Database of better-sqlite3')
  const { table = TABLE, name = db.name } = options
  if (typeof name !== 'string') throw sqliteError('ERR_TABLE_OPTIONS', 'name is a string')
  return new Store(db, new BranchKeyTable(db, table), name)
}

class Store implements SqliteBranchKeyStore {
  readonly name: string
  readonly #db: SqliteDatabase
  readonly #table: BranchKeyTable

  constructor(db: SqliteDatabase, table: BranchKeyTable, name: string) {
    this.name = name
    this.#db = db
    this.#table = table
    table.exists()
  }

  versions(partition: string): StoredBranchKey[] {
    return this.#read('WHERE "partition" = ? ORDER BY version', partition)
  }

  find(keyId: Uint8Array): StoredBranchKey | undefined {
    return this.#read('WHERE key_id = ?', blob(keyId))[0]
  }

  list({ after, limit }: { readonly after?: Uint8Array; readonly limit: number }): StoredBranchKey[] {
    if (!Number.isSafeInteger(limit) || limit < 1) throw sqliteError('ERR_TABLE_OPTIONS', 'limit is a whole number from 1')
    return this.#read('WHERE key_id > ? ORDER BY key_id LIMIT ?', blob(after ?? new Uint8Array(0)), limit)
  }

  #read(where: string, ...parameters: unknown[]): StoredBranchKey[] {
    if (!this.#table.exists()) return []
    return guarded(() => this.#table.select(where).all(...parameters)).map(branchKeyOf)
  }

  insert({ partition, version, keyId, createdAt, sealed }: StoredBranchKey): boolean {
    const row = [blob(keyId), partition, version, createdAt, sealed && blob(sealed)]
    return this.#write(() => {
      this.#table.create()
      return this.#run('INSERT INTO $table VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING', row)
    })
  }

  replace({ partition, version, keyId, createdAt, sealed: old }: StoredBranchKey, sealed: Uint8Array | null): boolean {
    if (old === null || !this.#table.exists()) return false
    const row = [sealed && blob(sealed), blob(keyId), partition, version, createdAt, blob(old)]
    const sql = 'UPDATE $table SET sealed = ? WHERE key_id = ? AND "partition" = ? AND version = ? AND created_at = ? AND sealed = ?'
    const replaced = this.#write(() => {
      const done = this.#run(sql, row)
      if (done && sealed === null) this.#table.rewrite()
      return done
    })
    // What another connection holds up here stays for `scrub`: the key is destroyed already.
    if (replaced && sealed === null) clearLog(this.#db)
    return replaced
  }

  scrub(): string[] {
    if (this.#table.exists()) this.#write(() => this.#table.rewrite())
    return clearLog(this.#db)
  }

  close(): void {
    guarded(() => this.#db.close())
  }

  #run(sql: string, parameters: readonly unknown[]): boolean {
    return this.#statement(sql).run(...parameters).changes === 1
  }

  #statement(sql: string): SqliteStatement {
    return this.#table.statement(sql)
  }

  #write<T>(body: () => T): T {
    if (this.#db.inTransaction) throw sqliteError('ERR_SQLITE_TRANSACTION', 'a branch key was to be written within a transaction of the caller’s')
    return durably(this.#db, () => transaction(this.#db, 'IMMEDIATE', body))
  }
}

function branchKeyOf([keyId, partition, version, createdAt, sealed]: RawRow): StoredBranchKey {
  return {
    partition: partition as string,
    version: Number(version),
    keyId: keyId as Uint8Array,
    createdAt: Number(createdAt),
    sealed: sealed as Uint8Array | null,
  }
}

/** better-sqlite3 binds a Buffer as a BLOB, and no other view of bytes. */
function blob(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
