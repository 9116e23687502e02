import { SQL_OFFSETS } from '@keyfold/core'
import type { SqliteDatabase } from './database.ts'
import { query, transaction } from './database.ts'
import type { SealedColumn, TableLayout } from './layout.ts'
import { quote } from './names.ts'

/** What the key expression gives for cells that it does not take for an envelope with one key. */
export const PLAINTEXT = 0n
/** Several keys, another version, or plaintext that begins alike: only parsing tells. */
export const UNCLEAR = 1n

const { blob, text } = SQL_OFFSETS
const INDEX_PREFIX = 'keyfold_key_id_'

/**
 * The key under which a cell claims to be sealed, in SQL: its id in the form of the cell (bytes or base64url), PLAINTEXT, UNCLEAR, or NULL. It
 * never gives a part of a plaintext, so the index on it holds none. The text must never change: SQLite finds the index by it.
 */
export function keyExpression({ sql }: SealedColumn): string {
  const inBlob = `substr(${sql}, 1, ${blob.prefix.length}) = ${hex(blob.prefix)} AND substr(${sql}, ${blob.count}, 1) = ${hex(blob.one)}`
  const inText = `substr(${sql}, 1, ${text.prefix.length}) = '${text.prefix}' AND substr(${sql}, ${text.count}, 1) = '${text.one}'`
  return (
    `CASE typeof(${sql}) WHEN 'null' THEN NULL ` +
    `WHEN 'blob' THEN CASE WHEN ${inBlob} AND length(${sql}) >= ${blob.keyId - 1 + blob.keyIdLength} ` +
    `THEN substr(${sql}, ${blob.keyId}, ${blob.keyIdLength}) ` +
    `WHEN substr(${sql}, 1, 2) = ${hex(blob.prefix.subarray(0, 2))} THEN ${UNCLEAR} ELSE ${PLAINTEXT} END ` +
    `WHEN 'text' THEN CASE WHEN ${inText} AND length(${sql}) >= ${text.keyId - 1 + text.keyIdLength} ` +
    `THEN substr(${sql}, ${text.keyId}, ${text.keyIdLength}) ` +
    `WHEN substr(${sql}, 1, 2) = '${text.prefix.slice(0, 2)}' THEN ${UNCLEAR} ELSE ${PLAINTEXT} END ` +
    `ELSE ${PLAINTEXT} END`
  )
}

/** Bytes as an SQL literal. */
export function hex(bytes: Uint8Array): string {
  return `x'${Buffer.from(bytes).toString('hex')}'`
}

/** The name of the column's index on the key expression; undefined where there is none. */
export function findKeyIndex(db: SqliteDatabase, table: TableLayout, column: SealedColumn): string | undefined {
  const definition = indexDefinition(table, column)
  const indexes = query(db, "SELECT name, sql FROM main.sqlite_schema WHERE type = 'index' AND sql LIKE '%' || ? || '%'").all(INDEX_PREFIX)
  return indexes.find(([, sql]) => (sql as string).endsWith(definition))?.[0] as string | undefined
}

/** Whether an index of the schema is one of ours, by its definition: the name alone could be anybody's. */
export function isKeyIndex(sql: string, table: TableLayout, column: SealedColumn): boolean {
  return sql.endsWith(indexDefinition(table, column))
}

/** Makes the index where it is missing. */
export function createKeyIndex(db: SqliteDatabase, table: TableLayout, column: SealedColumn): void {
  if (findKeyIndex(db, table, column) !== undefined) return
  transaction(db, 'IMMEDIATE', () => {
    if (findKeyIndex(db, table, column) !== undefined) return
    db.exec(`CREATE INDEX main.${quote(freeName(db, table, column))}${indexDefinition(table, column)}`)
  })
}

function indexDefinition({ names }: TableLayout, column: SealedColumn): string {
  return ` ON ${quote(names.table.physical)} (${keyExpression(column)})`
}

/** Two columns may come to one name (`a_b` of `c`, `b_c`…), and what is there may be somebody else's. */
function freeName(db: SqliteDatabase, { names }: TableLayout, { physical }: SealedColumn): string {
  const taken = query(db, 'SELECT 1 FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE')
  const name = `${INDEX_PREFIX}${names.table.physical}_${physical}`
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? name : `${name}_${i}`
    if (taken.get(candidate) === undefined) return candidate
  }
}
