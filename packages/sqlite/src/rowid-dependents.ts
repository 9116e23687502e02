import type { SqliteDatabase } from './database.ts'
import { query } from './database.ts'
import { sameName } from './names.ts'
import type { SchemaObject } from './schema-objects.ts'
import { readObjects, virtualModule } from './schema-objects.ts'
import { isMark, mentions } from './sql-tokens.ts'

/**
 * Full-text tables that point to rows by numbers which VACUUM may change: their content is a table without INTEGER PRIMARY KEY, or a view that
 * shows such numbers. After a VACUUM they would find the wrong rows.
 *
 * @returns a sentence for each
 */
export function rowidDependents(db: SqliteDatabase): string[] {
  const objects = readObjects(db)
  return objects.flatMap((object) => {
    const content = contentOf(object)
    if (content === undefined || hasStableRowids(db, content, objects)) return []
    return [
      `Free pages of the database may still hold replaced values: VACUUM was left out, since the full-text table ${object.name} refers to ` +
        `rows of ${content} by numbers that VACUUM may change. Give ${content} an INTEGER PRIMARY KEY, ` +
        `or drop ${object.name}, run this again, and rebuild it.`,
    ]
  })
}

/** The table or view named by `content=…`; undefined where a full-text table keeps its own content or none. */
function contentOf(object: SchemaObject): string | undefined {
  if (virtualModule(object)?.startsWith('FTS') !== true) return undefined
  const at = object.tokens.findIndex((token, i) => sameName(token.text, 'content') && isMark(object.tokens[i + 1], '='))
  const content = at < 0 ? undefined : object.tokens[at + 2]
  return content === undefined || content.kind === 'mark' || content.text === '' ? undefined : content.text
}

function hasStableRowids(db: SqliteDatabase, content: string, objects: readonly SchemaObject[]): boolean {
  const found = objects.find(({ type, name }) => type !== 'trigger' && sameName(name, content))
  if (found === undefined) return true
  if (found.type === 'view') return !['rowid', 'oid', '_rowid_'].some((name) => mentions(found.tokens, name))
  const keys = query(db, "SELECT upper(type) FROM pragma_table_xinfo(?, 'main') WHERE pk > 0").all(found.name)
  const own = query(db, "SELECT 1 FROM pragma_index_list(?, 'main') WHERE origin = 'pk'").get(found.name)
  return keys.length === 1 && keys[0]![0] === 'INTEGER' && own === undefined
}
