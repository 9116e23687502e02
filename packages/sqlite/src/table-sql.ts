import { foldName } from './names.ts'
import type { Token } from './sql-tokens.ts'
import { group, isKeyword, isMark, tokenize } from './sql-tokens.ts'

/** A CHECK of a table, which no pragma lists. */
interface CheckConstraint {
  /** As `CONSTRAINT name` says; undefined where it has none. */
  readonly name: string | undefined
  readonly expression: readonly Token[]
}

/** What only the text of a CREATE TABLE tells. */
export interface TableSql {
  readonly checks: readonly CheckConstraint[]
  /** Whether ids are never used again. */
  readonly autoincrement: boolean
  /** The tokens of a column's definition after its name. */
  definition(column: string): readonly Token[]
  /** The collation that a column declares, in capitals. */
  collation(column: string): string
}

/** Reads the text that sqlite_schema keeps of a table. */
export function parseTableSql(sql: string): TableSql {
  const tokens = tokenize(sql)
  const items = splitAtCommas(
    group(
      tokens,
      tokens.findIndex((token) => isMark(token, '(')),
    ),
  )
  const definition = (column: string): readonly Token[] => {
    const item = items.find(([first]) => first !== undefined && foldName(first.text) === foldName(column))
    return item?.slice(1) ?? []
  }
  return {
    checks: items.flatMap(checksOf),
    autoincrement: items.some((item) => item.some((token) => isKeyword(token, 'AUTOINCREMENT'))),
    definition,
    collation: (column) => collationOf(definition(column)),
  }
}

function splitAtCommas(tokens: readonly Token[]): Token[][] {
  const items: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (isMark(token, '(')) depth++
    if (isMark(token, ')')) depth--
    if (depth === 0 && isMark(token, ',')) items.push([])
    else items.at(-1)!.push(token)
  }
  return items
}

function checksOf(item: readonly Token[]): CheckConstraint[] {
  return item.flatMap((token, i) => {
    if (!isKeyword(token, 'CHECK') || !isMark(item[i + 1], '(')) return []
    const name = isKeyword(item[i - 2], 'CONSTRAINT') ? item[i - 1]!.text : undefined
    return [{ name, expression: group(item, i + 1) }]
  })
}

/** The last COLLATE outside of parentheses counts; one within belongs to a DEFAULT, a CHECK or a generated column's expression. */
function collationOf(definition: readonly Token[]): string {
  let depth = 0
  let collation = 'BINARY'
  for (const [i, token] of definition.entries()) {
    if (isMark(token, '(')) depth++
    if (isMark(token, ')')) depth--
    if (depth === 0 && isKeyword(token, 'COLLATE')) collation = definition[i + 1]?.text.toUpperCase() ?? collation
  }
  return collation
}
