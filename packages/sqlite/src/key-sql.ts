import type { KeyLayout } from './key-layout.ts'
import { quote } from './names.ts'
import type { IdPart } from './row-id.ts'
import { storedPart, typeName } from './row-id.ts'

/** SQL fragments about a table's key, and the parameters and values that go with them. */
export interface KeySql {
  /** Selects the id, as `read` takes it. */
  readonly columns: string
  /** Finds a row as SQLite compares ids (a NOCASE key ignores case). Parameters: the parts. */
  readonly equals: string
  /** Finds the row with exactly this id, its type and bytes. Parameters: `exactly(parts)`. */
  readonly exact: string
  /** Rows behind an id in the key's order. Parameters: `behind(parts)`. */
  readonly after: string
  readonly order: string
  /** The parameters of `exact`. */
  exactly(parts: readonly IdPart[]): unknown[]
  /** The parameters of `after`. */
  behind(parts: readonly IdPart[]): unknown[]
  /** The id in a row that begins with `columns`. */
  read(row: readonly unknown[]): IdPart[]
  /** How many values of a row `columns` takes. */
  readonly width: number
}

/** A value with its type, text as the bytes that are stored. */
export function typed(sql: string): string {
  return `typeof(${sql}), CASE typeof(${sql}) WHEN 'text' THEN CAST(${sql} AS BLOB) ELSE ${sql} END`
}

/** Writes the fragments for a key. */
export function keySql(key: KeyLayout): KeySql {
  return key.rowid ? rowidSql(key) : typedKeySql(key)
}

/** The rowid needs no type checks: it is an integer and nothing else. */
function rowidSql({ columns: [column] }: KeyLayout): KeySql {
  const { sql } = column!
  return {
    columns: sql,
    equals: `${sql} = ?`,
    exact: `${sql} = ?`,
    after: `${sql} > ?`,
    order: sql,
    exactly: (parts) => [...parts],
    behind: (parts) => [...parts],
    read: ([value]) => [value as bigint],
    width: 1,
  }
}

function typedKeySql({ columns }: KeyLayout): KeySql {
  const all = columns.map(({ sql }) => sql)
  // The second comparison of bytes is for keys whose collation takes different texts for one.
  const exact = all.map((sql) => `${sql} = ? AND typeof(${sql}) = ? AND ${sql} COLLATE BINARY = ?`)
  // SQLite searches an index by `(a, b) > (?, ?)` only where no term has a COLLATE of its own; by the first term alone it still can.
  const collated = columns.some(({ name, sql }) => sql !== quote(name))
  const rowAfter = `(${all.join(', ')}) > (${all.map(() => '?').join(', ')})`
  return {
    columns: all.map(typed).join(', '),
    equals: all.map((sql) => `${sql} = ?`).join(' AND '),
    exact: exact.join(' AND '),
    after: collated ? `${all[0]} >= ? AND ${rowAfter}` : rowAfter,
    order: all.join(', '),
    exactly: (parts) => parts.flatMap((part) => [part, typeName(part), part]),
    behind: (parts) => (collated ? [parts[0], ...parts] : [...parts]),
    read: (row) => columns.map(({ name }, i) => storedPart(row[2 * i], row[2 * i + 1], name)),
    width: 2 * columns.length,
  }
}
