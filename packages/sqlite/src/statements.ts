import type { Query, SqliteDatabase, SqliteStatement } from './database.ts'
import { query } from './database.ts'

/** More texts than this are not kept: they come from callers who name ever other columns. */
const MAX_KEPT = 200

/** Statements of one connection, prepared once for each text. */
export class Statements {
  readonly db: SqliteDatabase
  readonly #queries = new Map<string, Query>()
  readonly #changes = new Map<string, SqliteStatement>()

  constructor(db: SqliteDatabase) {
    this.db = db
  }

  /** A SELECT. */
  query(sql: string): Query {
    return kept(this.#queries, sql, () => query(this.db, sql))
  }

  /** An INSERT, UPDATE or DELETE. */
  change(sql: string): SqliteStatement {
    return kept(this.#changes, sql, () => this.db.prepare(sql).safeIntegers(true))
  }
}

function kept<T>(statements: Map<string, T>, sql: string, prepare: () => T): T {
  const known = statements.get(sql)
  if (known !== undefined) return known
  const prepared = prepare()
  if (statements.size >= MAX_KEPT) statements.clear()
  statements.set(sql, prepared)
  return prepared
}
