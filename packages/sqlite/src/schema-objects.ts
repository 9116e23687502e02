import type { SqliteDatabase } from './database.ts'
import { query } from './database.ts'
import { sameName } from './names.ts'
import type { Token } from './sql-tokens.ts'
import { isKeyword, mentions, tokenize } from './sql-tokens.ts'

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

/** The names under which other objects see a table's rows: its own, and those of the views on it, and of the views on those. */
export function aliasesOf(table: string, objects: readonly SchemaObject[]): string[] {
  const names = [table]
  for (const name of names) {
    const views = objects.filter((object) => object.type === 'view' && mentions(object.tokens, name))
    names.push(...views.map((view) => view.name).filter((view) => !names.some((known) => sameName(known, view))))
  }
  return names
}
