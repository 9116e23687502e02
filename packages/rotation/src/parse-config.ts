import { KeyfoldError } from '@keyfold/core'
import type { Config } from './config-schema.ts'
import { configSchema, KNOWN_FIELDS } from './config-schema.ts'
import { suggestion } from './nearest.ts'
import { looksSecret } from './secret-shape.ts'
import { parseStrictJson } from './strict-json.ts'

/** As much of an issue of zod as is shown: never the value that it found. */
interface Issue {
  readonly code?: string | undefined
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
  readonly expected?: string
}

const MAX_LISTED = 10

/**
 * Reads the bytes of kms-rotate.config.json.
 *
 * @param name the file, for the error's text
 * @throws KeyfoldError ERR_CONFIG_INVALID with every wrong field by its path, ERR_LIMIT
 */
export function parseConfigFile(bytes: Uint8Array, name: string): Config {
  return parseConfig(
    parseStrictJson(bytes, (fact) => configError(`${name} cannot be read: ${fact}`)),
    name,
  )
}

/** Checks a configuration, whatever made it. ERR_CONFIG_INVALID with every wrong field by its path, never with its value. */
export function parseConfig(value: unknown, name: string): Config {
  const result = configSchema.safeParse(value)
  if (!result.success)
    throw invalid(
      name,
      result.error.issues.sort(namesFirst).flatMap((issue) => sentences(issue as Issue)),
    )
  const doubles = [...repeatedStores(result.data), ...repeatedTables(result.data), ...repeatedColumns(result.data)]
  if (doubles.length > 0) throw invalid(name, doubles)
  return result.data
}

/** A mistyped name is the cause; the field that is then missing is its effect. */
function namesFirst(a: { code?: string | undefined }, b: { code?: string | undefined }): number {
  return Number(b.code === 'unrecognized_keys') - Number(a.code === 'unrecognized_keys')
}

function invalid(name: string, facts: readonly string[]): KeyfoldError {
  const listed = facts.slice(0, MAX_LISTED).map((fact) => `\n  ${fact}`)
  const rest = facts.length > MAX_LISTED ? `\n  and ${facts.length - MAX_LISTED} more` : ''
  return configError(`${name} is wrong:${listed.join('')}${rest}`)
}

/** The error for a configuration that is there and wrong. */
export function configError(fact: string): KeyfoldError {
  return new KeyfoldError('ERR_CONFIG_INVALID', fact, {
    hint: 'Correct the file; docs/cli.md describes every field. Nothing was done.',
  })
}

function sentences(issue: Issue): string[] {
  const at = pathText(issue.path)
  if (issue.code === 'unrecognized_keys') return (issue.keys ?? []).map((key) => unknownField(issue.path, key))
  if (issue.message.endsWith('received undefined')) return [`${at}: is missing`]
  if (issue.message.startsWith('Invalid input')) return [`${at}: must be ${NOUNS[issue.expected ?? ''] ?? 'something else'}`]
  return [`${at}: ${issue.message}`]
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'a text',
  array: 'a list',
  object: 'an object',
  number: 'a number',
  int: 'a whole number',
}

function unknownField(path: readonly PropertyKey[], key: string): string {
  const known = KNOWN_FIELDS[path.filter((part) => typeof part === 'string').join('.')] ?? []
  const shown = looksSecret(key) || key.length > 64 ? 'a field' : JSON.stringify(key)
  return `${pathText(path)}: ${shown} is unknown${suggestion(key, known)}`
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'top level'
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${nameText(part)}`)).join('')
}

/** A part of a path is a field of ours, except in `columns`, where it is the user's own text. */
function nameText(part: PropertyKey): string {
  const text = String(part)
  return looksSecret(text) || text.length > 64 ? '…' : text
}

function repeatedStores({ stores }: Config): string[] {
  return repeated(stores.map(({ path }) => path)).map((i) => `stores[${i}].path: names the same database as another store`)
}

function repeatedTables({ stores }: Config): string[] {
  return stores.flatMap(({ tables }, s) => {
    const physical = repeated(tables.map(({ table }) => (typeof table === 'string' ? table : Object.values(table)[0]!).toLowerCase()))
    const logical = repeated(tables.map(({ table }) => (typeof table === 'string' ? table : Object.keys(table)[0]!)))
    return [...new Set([...physical, ...logical])].map((t) => `stores[${s}].tables[${t}].table: stands twice in this store`)
  })
}

function repeatedColumns({ stores }: Config): string[] {
  return stores.flatMap(({ tables }, s) =>
    tables.flatMap(({ columns }, t) =>
      // SQLite does not tell upper from lower case in names.
      repeated(Object.values(columns).map((column) => column.toLowerCase())).map(
        (c) => `stores[${s}].tables[${t}].columns: the ${ordinal(c)} column stands twice`,
      ),
    ),
  )
}

function repeated(values: readonly string[]): number[] {
  return values.flatMap((value, i) => (values.indexOf(value) < i ? [i] : []))
}

function ordinal(index: number): string {
  return `${index + 1}.`
}
