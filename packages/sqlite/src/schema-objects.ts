import type { SqliteDatabase } from './database.ts'
import { query } from './database.ts'
import type { Token } from './sql-tokens.ts'
import { isKeyword, mentions, selectsAll, tokenize } from './sql-tokens.ts'

/** A view, trigger or table of the schema, with what its text says. */
export interface SchemaObject {
  readonly type: 'table' | 'view' | 'trigger'
  readonly name: string
  /** What a trigger stands on. */
  readonly on: string
  readonly tokens: readonly Token[]
}

/** Every object of the schema that is made by a text, and the TEMP triggers of this connection. */
export function readObjects(db: SqliteDatabase): SchemaObject[] {
  const kinds = "sql IS NOT NULL AND type IN ('table', 'view', 'trigger')"
  const rows = query(
    db,
    `SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE ${kinds}
    UNION ALL SELECT type, name, tbl_name, sql FROM temp.sqlite_schema WHERE type = 'trigger'`,
  ).all()
  return rows.map(([type, name, on, sql]) => ({
    type: type as SchemaObject['type'],
    name: name as string,
    on: on as string,
    tokens: tokenize(sql as string),
  }))
}

/** The module of a virtual table in capitals: `CREATE VIRTUAL TABLE name USING fts5(…)`. */
export function virtualModule({ type, tokens }: SchemaObject): string | undefined {
  if (type !== 'table' || !isKeyword(tokens[1], 'VIRTUAL')) return undefined
  return tokens[tokens.findIndex((token) => isKeyword(token, 'USING')) + 1]?.text.toUpperCase()
}

/** The views that may show a column, under whatever name: those that take it from its table, and the views on those. */
export function viewsOf(table: string, column: string, objects: readonly SchemaObject[]): string[] {
  const views = objects.filter(({ type }) => type === 'view')
  const found = views.filter(({ tokens }) => mentions(tokens, table) && (mentions(tokens, column) || selectsAll(tokens)))
  for (const { name } of found) found.push(...views.filter((view) => !found.includes(view) && mentions(view.tokens, name)))
  return found.map(({ name }) => name)
}
