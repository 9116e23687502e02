import type { Query, SqliteDatabase, SqliteStatement } from './database.ts'
import { guarded, query } from './database.ts'
import { sqliteError } from './errors.ts'
import { quote } from './names.ts'
import { Statements } from './statements.ts'

/** The columns in the order of the table. The key id leads: it is the primary key, and the order of `list`. */
const COLUMNS = 'key_id, "partition", version, created_at, sealed'
const DECLARED =
  'key_id BLOB PRIMARY KEY NOT NULL CHECK (length(key_id) = 12), ' +
  '"partition" TEXT NOT NULL, ' +
  'version INTEGER NOT NULL CHECK (version > 0), ' +
  'created_at INTEGER NOT NULL, ' +
  // NULL once the key is destroyed: the row stays, so that the key cannot come back and its records are known as shredded.
  'sealed BLOB, ' +
  'UNIQUE ("partition", version)'

/** The table of a branch key store in SQL. */
export class BranchKeyTable {
  readonly #db: SqliteDatabase
  readonly #name: string
  readonly #sql: string
  readonly #statements: Statements
  #known = false

  constructor(db: SqliteDatabase, name: string) {
    if (typeof name !== 'string' || name === '' || name.includes('\0') || !name.isWellFormed())
      throw sqliteError('ERR_TABLE_OPTIONS', 'table is the name of a table')
    this.#db = db
    this.#name = name
    this.#sql = `main.${quote(name)}`
    this.#statements = new Statements(db)
  }

  /** Whether it was made yet. ERR_BRANCH_KEY_TABLE where something else has its name. */
  exists(): boolean {
    if (this.#known) return true
    const found = guarded(() => query(this.#db, 'SELECT sql FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE').get(this.#name))
    if (found === undefined) return false
    if (!isBranchKeyTable(this.#name, found[0] as string)) throw sqliteError('ERR_BRANCH_KEY_TABLE', `${this.#name} is not a table of branch keys`)
    return (this.#known = true)
  }

  /** Makes it where it is missing; within a transaction that holds the write lock. */
  create(): void {
    if (!this.exists()) this.#db.exec(definition(this.#name, 'main.'))
  }

  /** A SELECT of all columns. */
  select(where: string): Query {
    return this.#statements.query(`SELECT ${COLUMNS} FROM ${this.#sql} ${where}`)
  }

  /** A statement whose `$table` is this one. */
  statement(sql: string): SqliteStatement {
    return this.#statements.change(sql.replace('$table', this.#sql))
  }

  /**
   * Moves all rows to new pages and frees the old ones, which secure_delete overwrites. Clearing a cell alone would not do: when SQLite spreads cells
   * over pages anew, copies stay behind where no cell is. Within a transaction.
   */
  rewrite(): void {
    const next = `${this.#name} (rewritten)`
    const legacy = Number(query(this.#db, 'PRAGMA legacy_alter_table').get()![0])
    try {
      // Otherwise a view of the application that is broken already would stop the renaming.
      this.#db.exec('PRAGMA legacy_alter_table = 1')
      this.#db.exec(definition(next, 'main.'))
      this.#db.exec(`INSERT INTO main.${quote(next)} SELECT ${COLUMNS} FROM ${this.#sql} ORDER BY key_id`)
      this.#db.exec(`DROP TABLE ${this.#sql}; ALTER TABLE main.${quote(next)} RENAME TO ${quote(this.#name)}`)
    } finally {
      this.#db.exec(`PRAGMA legacy_alter_table = ${legacy}`)
    }
  }
}

/** Whether a table of the schema is one of branch keys, whatever its name. */
export function isBranchKeyTable(name: string, sql: string): boolean {
  return sql === definition(name)
}

/** As SQLite keeps it: without the schema's name. */
function definition(name: string, schema = ''): string {
  return `CREATE TABLE ${schema}${quote(name)} (${DECLARED}) STRICT, WITHOUT ROWID`
}
