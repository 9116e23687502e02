import type { StoreProblem } from '@keyfold/core'
import type { SqliteDatabase } from './database.ts'
import type { SealedColumn, TableLayout } from './layout.ts'
import { sameName } from './names.ts'
import type { Finding } from './schema-constraints.ts'
import { checkFindings, foreignKeyFindings, generatedFindings, indexFindings } from './schema-constraints.ts'
import type { SchemaObject } from './schema-objects.ts'
import { readObjects, viewsOf, virtualModule } from './schema-objects.ts'
import { mentions, selectsAll } from './sql-tokens.ts'

/**
 * Names everything in the schema that would break when a column of this table is sealed, or would keep a copy of its plaintext. Where SQL text
 * has to be read, a mention of the column is enough: better one problem too many than a copy of a plaintext nobody knows of. Changes nothing.
 */
export function checkSchema(db: SqliteDatabase, table: TableLayout): StoreProblem[] {
  const objects = readObjects(db)
  return table.sealed.flatMap((column) =>
    [
      ...columnFindings(table, column),
      ...indexFindings(db, table, column),
      ...foreignKeyFindings(db, table, column),
      ...checkFindings(table, column),
      ...generatedFindings(table, column),
      ...triggerFindings(table, column, objects),
      ...searchFindings(table, column, objects),
    ].map((finding) => ({ table: table.names.table.logical, column: column.logical, ...finding })),
  )
}

/** What the column's own declaration forbids. */
function columnFindings({ strict, names }: TableLayout, { physical, layout }: SealedColumn): Finding[] {
  const findings: Finding[] = []
  if (layout.generated) {
    findings.push({
      problem: `column ${physical} is generated, and nothing can be written to it`,
      hint: 'Seal the columns that it is computed from, and drop it.',
    })
  }
  if (layout.primaryKey > 0) {
    findings.push({
      problem: `column ${physical} is a part of the PRIMARY KEY of ${names.table.physical}`,
      hint: 'A key stays readable. Give the table a key of its own, and keep the sealed value in another column.',
    })
  }
  if (strict && (layout.affinity === 'INTEGER' || layout.affinity === 'REAL')) {
    findings.push({
      problem: `${names.table.physical} is STRICT and column ${physical} is ${layout.declaredType}, which holds no sealed value`,
      hint: 'Rebuild the table with the type BLOB, TEXT or ANY for this column.',
    })
  }
  return findings
}

/** Triggers may copy what they see: those on the table, those that read it, and those on or over a view that shows the column. */
function triggerFindings({ names }: TableLayout, { physical }: SealedColumn, objects: readonly SchemaObject[]): Finding[] {
  const table = names.table.physical
  const views = viewsOf(table, physical, objects)
  const touches = ({ on, tokens }: SchemaObject, name: string): boolean => sameName(on, name) || mentions(tokens, name)
  const useOf = (trigger: SchemaObject): string | undefined => {
    if (touches(trigger, table) && mentions(trigger.tokens, physical)) return `uses column ${physical}`
    if (touches(trigger, table) && selectsAll(trigger.tokens)) return `reads all columns of ${table}`
    const view = views.find((name) => touches(trigger, name))
    return view && `uses the view ${view}, which may show column ${physical}`
  }
  return objects.flatMap((object) => {
    const use = object.type === 'trigger' ? useOf(object) : undefined
    if (use === undefined) return []
    return [{
      problem: `trigger ${object.name} ${use}`,
      hint: 'It may have copied plaintext, and would see sealed values from now on. Drop it or take the column out, and clear what it copied.',
    }]
  })
}

/** Full-text and other virtual tables over the table or a view on it. FTS5 names the columns that it indexes; others may take all. */
function searchFindings({ names }: TableLayout, { physical }: SealedColumn, objects: readonly SchemaObject[]): Finding[] {
  const views = viewsOf(names.table.physical, physical, objects)
  return objects
    .filter((object) => {
      const module = virtualModule(object)
      if (module === undefined) return false
      if (views.some((view) => mentions(object.tokens, view))) return true
      return mentions(object.tokens, names.table.physical) && (module !== 'FTS5' || mentions(object.tokens, physical))
    })
    .map(({ name }) => ({
      problem: `the full-text or virtual table ${name} is built on ${names.table.physical} and may index column ${physical}`,
      hint: 'Its index holds words of the plaintext. Drop it, or rebuild it without the column.',
    }))
}
