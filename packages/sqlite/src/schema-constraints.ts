import type { SqliteDatabase } from './database.ts'
import { query } from './database.ts'
import { isKeyIndex } from './key-index.ts'
import type { SealedColumn, TableLayout } from './layout.ts'
import { quote, sameName } from './names.ts'
import { isKeyword, mentions, tokenize } from './sql-tokens.ts'

/** One thing that stands against sealing a column. */
export interface Finding {
  readonly problem: string
  readonly hint: string
}

/** Indexes and UNIQUE constraints on the column, expression and partial indexes that use it. */
export function indexFindings(db: SqliteDatabase, table: TableLayout, column: SealedColumn): Finding[] {
  const name = table.names.table.physical
  const indexes = query(
    db,
    `SELECT l.name, l."unique", l.origin, s.sql FROM pragma_index_list(?, 'main') AS l
    JOIN main.sqlite_schema AS s ON s.type = 'index' AND s.name = l.name WHERE l.origin <> 'pk'`,
  ).all(name)
  const parts = query(db, "SELECT name FROM pragma_index_xinfo(?, 'main') WHERE key AND name IS NOT NULL")
  return indexes.flatMap(([index, unique, origin, sql]) => {
    if (sql !== null && isKeyIndex(sql as string, table, column)) return []
    const direct = parts.all(index).some(([part]) => sameName(part as string, column.physical))
    if (!direct && (sql === null || !mentions(afterTableName(sql as string), column.physical))) return []
    return [indexFinding(index as string, unique === 1n, origin === 'u', column.physical)]
  })
}

/** The name of an index and of its table may be those of a column. */
function afterTableName(sql: string) {
  const tokens = tokenize(sql)
  return tokens.slice(tokens.findIndex((token) => isKeyword(token, 'ON')) + 2)
}

function indexFinding(index: string, unique: boolean, constraint: boolean, column: string): Finding {
  const drop = `Drop it: DROP INDEX ${quote(index)}`
  if (!unique) return { problem: `index ${index} is on column ${column}`, hint: `It finds nothing in sealed values. ${drop}` }
  return {
    problem: `${constraint ? 'a UNIQUE constraint' : `unique index ${index}`} is on column ${column}`,
    hint: `Equal values are sealed to different bytes, so it would allow every duplicate. ${constraint ? 'Rebuild the table without it.' : drop}`,
  }
}

/** Foreign keys from the column and to it. */
export function foreignKeyFindings(db: SqliteDatabase, { names }: TableLayout, { physical }: SealedColumn): Finding[] {
  const table = names.table.physical
  const links = query(
    db,
    `SELECT s.name, f."table", f."from", f."to" FROM main.sqlite_schema AS s, pragma_foreign_key_list(s.name, 'main') AS f
    WHERE s.type = 'table'`,
  ).all() as unknown as Array<[string, string, string, string | null]>
  return links.flatMap(([child, parent, from, to]) => {
    const outgoing = sameName(child, table) && sameName(from, physical)
    const incoming = sameName(parent, table) && to !== null && sameName(to, physical)
    if (!outgoing && !incoming) return []
    return [
      {
        problem: `a foreign key leads from ${child}.${from} to ${parent}${to === null ? '' : `.${to}`}`,
        hint: 'Sealed values equal no other value. Rebuild the table without it, and let the tables refer to each other by a key that is not sealed.',
      },
    ]
  })
}

/** CHECK constraints whose expression uses the column. */
export function checkFindings({ source, names }: TableLayout, { physical }: SealedColumn): Finding[] {
  return source.checks
    .filter(({ expression }) => mentions(expression, physical))
    .map(({ name }) => ({
      problem: `${name === undefined ? 'a CHECK' : `the CHECK ${name}`} of ${names.table.physical} uses column ${physical}`,
      hint: 'It would judge the sealed bytes. Rebuild the table without it, and check the value in the application.',
    }))
}

/** Generated columns that are computed from the column. */
export function generatedFindings({ columns, source, names }: TableLayout, { physical }: SealedColumn): Finding[] {
  return columns
    .filter(({ name, generated }) => generated && name !== physical && mentions(source.definition(name), physical))
    .map(({ name }) => ({
      problem: `generated column ${name} uses column ${physical}`,
      hint: `It would be computed from the sealed bytes. Drop it: ALTER TABLE ${quote(names.table.physical)} DROP COLUMN ${quote(name)}`,
    }))
}
