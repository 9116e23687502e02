/** The results of a run as a JSON document. Names in it may grow in number, they do not change. */
import type { Machine } from './machine.ts'
import type { Result, Section } from './report.ts'

const SCHEMA = 'keyfold-bench/1'

export interface Document {
  readonly schema: typeof SCHEMA
  /** ISO 8601, the day alone. */
  readonly date: string
  /** Whether the figures are only to show that the suites run. */
  readonly quick: boolean
  readonly machine: Machine
  /** All results of all sections, in their order. */
  readonly results: readonly Result[]
  readonly sections: readonly Section[]
}

export function documentOf(sections: readonly Section[], machine: Machine, quick: boolean, date = new Date()): Document {
  return { schema: SCHEMA, date: date.toISOString().slice(0, 10), quick, machine, results: sections.flatMap(({ results }) => results), sections }
}

/** Reads what `documentOf` made; throws for another schema. */
export function parseDocument(text: string): Document {
  const document = JSON.parse(text) as Document
  if (document.schema !== SCHEMA) throw new Error(`the document is not of the schema ${SCHEMA}`)
  return document
}
