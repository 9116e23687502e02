/**
 * JSON from files that people write and attackers edit. JSON.parse takes the last of two equal keys, recurses as deep as the text nests and
 * quotes the text in its errors, which may be a secret. Here both are refused, and an error names the line and column alone.
 */
import { KeyfoldError } from '@keyfold/core'

export const JSON_LIMITS = { bytes: 1024 * 1024, depth: 64 } as const

/** Something wrong with a text, by its place. Holds nothing of the text itself. */
export type Refuse = (fact: string) => KeyfoldError

interface Cursor {
  readonly text: string
  readonly refuse: Refuse
  at: number
  depth: number
}

/**
 * Reads one JSON document in UTF-8, as RFC 8259 has it.
 *
 * @param refuse makes the error for what is no JSON: the caller knows what the file is
 * @throws KeyfoldError of `refuse`, or ERR_LIMIT for a text over its limits
 */
export function parseStrictJson(bytes: Uint8Array, refuse: Refuse, maxBytes: number = JSON_LIMITS.bytes): unknown {
  if (bytes.length > maxBytes) throw overLimit(`${bytes.length} bytes`, `${maxBytes} bytes`)
  const cursor: Cursor = { text: decode(bytes, refuse), refuse, at: 0, depth: 0 }
  const value = readValue(cursor)
  skipSpace(cursor)
  if (cursor.at < cursor.text.length) throw wrong(cursor, 'something follows the end of the document')
  return value
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Uint8Array, refuse: Refuse): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw refuse('it is not UTF-8')
  }
}

function readValue(cursor: Cursor): unknown {
  skipSpace(cursor)
  const next = cursor.text[cursor.at]
  if (next === '{') return nested(cursor, readObject)
  if (next === '[') return nested(cursor, readArray)
  return next === '"' ? readString(cursor) : readScalar(cursor)
}

function nested(cursor: Cursor, read: (cursor: Cursor) => unknown): unknown {
  cursor.depth += 1
  if (cursor.depth > JSON_LIMITS.depth) throw overLimit(`more than ${JSON_LIMITS.depth} levels`, `${JSON_LIMITS.depth} levels`)
  cursor.at += 1
  const value = read(cursor)
  cursor.depth -= 1
  return value
}

function readObject(cursor: Cursor): unknown {
  const members = new Map<string, unknown>()
  while (!takes(cursor, '}')) {
    if (members.size > 0) demand(cursor, ',', 'a comma or a closing brace')
    const key = readKey(cursor, members)
    demand(cursor, ':', 'a colon')
    members.set(key, readValue(cursor))
  }
  return Object.fromEntries(members)
}

function readKey(cursor: Cursor, members: ReadonlyMap<string, unknown>): string {
  skipSpace(cursor)
  if (cursor.text[cursor.at] !== '"') throw wrong(cursor, 'a name in double quotes belongs here')
  const start = cursor.at
  const key = readString(cursor)
  if (!members.has(key) && key !== '__proto__') return key
  cursor.at = start
  // Whoever assigns __proto__ later would set a prototype instead of a member.
  throw wrong(cursor, key === '__proto__' ? 'the key __proto__ is not allowed' : 'a key stands twice in one object')
}

function readArray(cursor: Cursor): unknown {
  const items: unknown[] = []
  while (!takes(cursor, ']')) {
    if (items.length > 0) demand(cursor, ',', 'a comma or a closing bracket')
    items.push(readValue(cursor))
  }
  return items
}

function readString(cursor: Cursor): string {
  let end = cursor.at + 1
  while (end < cursor.text.length && cursor.text[end] !== '"') end += cursor.text[end] === '\\' ? 2 : 1
  if (end >= cursor.text.length) throw wrong(cursor, 'a text begins here and never ends')
  const value = parsed(cursor, cursor.text.slice(cursor.at, end + 1), 'a text has a line break or an unknown escape')
  cursor.at = end + 1
  return value as string
}

/** What stands up to the next separator: true, false, null or a number. */
const SCALAR = /[^\s,:{}[\]"]*/y

function readScalar(cursor: Cursor): unknown {
  SCALAR.lastIndex = cursor.at
  const token = SCALAR.exec(cursor.text)?.[0] ?? ''
  const value = parsed(cursor, token, cursor.at >= cursor.text.length ? 'the document ends too early' : 'a value belongs here')
  if (typeof value === 'number' && !Number.isFinite(value)) throw wrong(cursor, 'a number is too large')
  cursor.at += token.length
  return value
}

/** JSON.parse for a single text, number or word, where it can neither recurse nor meet two keys. */
function parsed(cursor: Cursor, token: string, fault: string): unknown {
  try {
    return JSON.parse(token)
  } catch {
    throw wrong(cursor, fault)
  }
}

function takes(cursor: Cursor, character: string): boolean {
  skipSpace(cursor)
  if (cursor.text[cursor.at] !== character) return false
  cursor.at += 1
  return true
}

function demand(cursor: Cursor, character: string, what: string): void {
  if (!takes(cursor, character)) throw wrong(cursor, `${what} belongs here`)
}

function skipSpace(cursor: Cursor): void {
  while (' \t\r\n'.includes(cursor.text[cursor.at] ?? '.')) cursor.at += 1
}

function wrong({ text, at, refuse }: Cursor, fact: string): KeyfoldError {
  const lines = text.slice(0, at).split('\n')
  return refuse(`line ${lines.length}, column ${lines.at(-1)!.length + 1}: ${fact}`)
}

function overLimit(found: string, limit: string): KeyfoldError {
  return new KeyfoldError('ERR_LIMIT', `the file has ${found}, at most ${limit} are allowed`, {
    hint: 'Check that this is the right file.',
  })
}
