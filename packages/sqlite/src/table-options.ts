import { sqliteError } from './errors.ts'
import { foldName, suggestion } from './names.ts'

/** A name, or `{ logical: 'physical' }` where the database calls it otherwise. */
export type TableName = string | Readonly<Record<string, string>>

/** Which cells are sealed. Logical names go into the encryption context: they must stay what they are, while a physical name may change. */
export interface TableOptions {
  /** The table; `{ users: 'tbl_users' }` for a table `tbl_users` that the context calls `users`. */
  readonly table: TableName
  /** The columns (by their names in the database) that identify a row: a declared PRIMARY KEY, or UNIQUE and NOT NULL. Their order counts. */
  readonly id: string | readonly string[]
  /** The sealed columns; `{ dob: 'BirthDate' }` for a column `BirthDate` that context and rows call `dob`. */
  readonly columns: readonly string[] | Readonly<Record<string, string>>
}

export interface NamePair {
  readonly logical: string
  readonly physical: string
}

/** Checked options in one form. */
export interface TableNames {
  readonly table: NamePair
  readonly id: readonly string[]
  readonly columns: readonly NamePair[]
}

/**
 * Checks options that may come from JavaScript or a configuration file.
 *
 * @param extra names of further options that the caller reads itself
 * @throws KeyfoldError ERR_TABLE_OPTIONS
 */
export function parseTableOptions(options: TableOptions, extra: readonly string[] = []): TableNames {
  checkOptionNames(options, ['table', 'id', 'columns', ...extra])
  const table = tableName(options.table)
  const id = list(options.id, 'id')
  const columns = columnNames(options.columns)
  refuseTwice(id, 'id')
  refuseTwice(
    columns.map(({ logical }) => logical),
    'columns',
  )
  refuseTwice(
    columns.map(({ physical }) => physical),
    'columns',
  )
  for (const { physical } of columns) {
    if (id.some((name) => foldName(name) === foldName(physical))) throw invalid(`column ${physical} is part of the id and cannot be sealed`)
  }
  return { table, id, columns }
}

/** Refuses options that are no object, and an option that nobody reads: it is misspelled. */
export function checkOptionNames(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw invalid('options are an object')
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw invalid(`unknown option ${name}${suggestion(name, known)}`)
  }
}

function tableName(table: TableName): NamePair {
  const names = typeof table === 'string' ? [samePair(table, 'table')] : pairs(table, 'table')
  if (names.length !== 1) throw invalid(`table has ${names.length} names, it takes one`)
  return names[0]!
}

function columnNames(columns: TableOptions['columns']): NamePair[] {
  const names = Array.isArray(columns) ? list(columns, 'columns').map((name) => samePair(name, 'columns')) : pairs(columns, 'columns')
  if (names.length === 0) throw invalid('columns is empty')
  return names
}

function list(names: unknown, option: string): string[] {
  const all: unknown[] = Array.isArray(names) ? names : [names]
  if (all.length === 0) throw invalid(`${option} is empty`)
  return all.map((name) => checkName(name, option))
}

function pairs(names: unknown, option: string): NamePair[] {
  if (typeof names !== 'object' || names === null) {
    throw invalid(`${option} names nothing; it takes ${option === 'table' ? 'a name' : 'an array of names'} or { logical: 'physical' }`)
  }
  return Object.entries(names).map(([logical, physical]) => ({
    logical: checkName(logical, option),
    physical: checkName(physical, option),
  }))
}

function samePair(name: unknown, option: string): NamePair {
  const checked = checkName(name, option)
  return { logical: checked, physical: checked }
}

function checkName(name: unknown, option: string): string {
  if (typeof name !== 'string') throw invalid(`${option} has a name that is not a string`)
  if (name === '' || name.includes('\0') || !name.isWellFormed())
    throw invalid(`${option} has a name that is empty, or that SQLite cannot hold`)
  return name
}

/** SQLite folds the case of names, so `Email` and `email` would be one column sealed under two contexts. */
function refuseTwice(names: readonly string[], option: string): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(foldName(name))) throw invalid(`${option} has ${name} twice`)
    seen.add(foldName(name))
  }
}

function invalid(fact: string): Error {
  return sqliteError('ERR_TABLE_OPTIONS', fact)
}
