import { foldName } from './names.ts'

/** A token of SQL text. White space and comments are gone. */
export interface Token {
  /** `word` is a keyword, a name or a number without quotes; `quoted` is a name or a text in any of SQLite's quotes, without them. */
  readonly kind: 'word' | 'quoted' | 'mark'
  readonly text: string
}

const TOKEN = new RegExp(
  [
    String.raw`(?<space>\s+|--[^\n]*|/\*[\s\S]*?(?:\*/|$))`,
    String.raw`'(?<single>(?:[^']|'')*)'`,
    String.raw`"(?<double>(?:[^"]|"")*)"`,
    String.raw`${'`'}(?<tick>(?:[^${'`'}]|${'``'})*)${'`'}`,
    String.raw`\[(?<bracket>[^\]]*)\]`,
    String.raw`(?<word>[\w$\u0080-\u{10FFFF}]+)`,
    String.raw`(?<mark>[\s\S])`,
  ].join('|'),
  'gu',
)

/** Splits SQL that SQLite has accepted. SQLite takes a text for a name in some places, so both are `quoted` alike. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  for (const { groups = {} } of sql.matchAll(TOKEN)) {
    const { single, double, tick, bracket, word, mark } = groups
    if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark })
    else if (groups['space'] === undefined) tokens.push({ kind: 'quoted', text: unquoted(single, double, tick, bracket) })
  }
  return tokens
}

function unquoted(single?: string, double?: string, tick?: string, bracket?: string): string {
  return single?.replaceAll("''", "'") ?? double?.replaceAll('""', '"') ?? tick?.replaceAll('``', '`') ?? bracket ?? ''
}

/** Whether a token is this keyword. */
export function isKeyword(token: Token | undefined, keyword: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === keyword
}

/** Whether a token is this punctuation mark. */
export function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === 'mark' && token.text === mark
}

/** Whether a name stands anywhere among the tokens. */
export function mentions(tokens: readonly Token[], name: string): boolean {
  const folded = foldName(name)
  return tokens.some(({ kind, text }) => kind !== 'mark' && foldName(text) === folded)
}

/** Whether there is a `SELECT *`, a `table.*` or the like, which takes every column without naming it. */
export function selectsAll(tokens: readonly Token[]): boolean {
  return tokens.some((token, i) => {
    if (!isMark(token, '*')) return false
    const before = tokens[i - 1]
    return (
      isMark(before, '.') || isMark(before, ',') || ['SELECT', 'DISTINCT', 'ALL', 'RETURNING'].some((keyword) => isKeyword(before, keyword))
    )
  })
}

/** The tokens of the parentheses that open at `start`, without them. */
export function group(tokens: readonly Token[], start: number): Token[] {
  let depth = 0
  for (let i = start; i < tokens.length; i++) {
    if (isMark(tokens[i], '(')) depth++
    if (isMark(tokens[i], ')') && --depth === 0) return tokens.slice(start + 1, i)
  }
  return tokens.slice(start + 1)
}
