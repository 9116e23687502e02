import { invalid, KmsFault } from './errors.ts'

/** A request's JSON, read field by field: what a client sends is checked like what a stranger sends. */
export type Input = Readonly<Record<string, unknown>>

/** A text, or undefined where the field is absent. */
export function text(input: Input, field: string): string | undefined {
  const value = input[field] ?? undefined
  if (value !== undefined && typeof value !== 'string') throw invalid(`${field} is a string`)
  return value
}

export function requiredText(input: Input, field: string): string {
  const value = text(input, field)
  if (value === undefined || value === '') throw invalid(`${field} is required`)
  return value
}

export function flag(input: Input, field: string): boolean {
  const value = input[field] ?? false
  if (typeof value !== 'boolean') throw invalid(`${field} is a boolean`)
  return value
}

export function count(input: Input, field: string, least: number, most: number): number | undefined {
  const value = input[field] ?? undefined
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw invalid(`${field} is an integer from ${least} to ${most}`)
  }
  return value
}

/** Base64 of 1 to `most` bytes, in its one encoding. */
export function bytes(input: Input, field: string, most: number): Buffer {
  const encoded = requiredText(input, field)
  const decoded = Buffer.from(encoded, 'base64')
  if (decoded.toString('base64') !== encoded) throw new KmsFault('SerializationException', `${field} is not base64`)
  if (decoded.length > most) throw invalid(`${field} has 1 to ${most} bytes`)
  return decoded
}

const MOST_GRANT_TOKENS = 10

export function grantTokens(input: Input): readonly string[] {
  const tokens = texts(input, 'GrantTokens')
  if (tokens.length > MOST_GRANT_TOKENS) throw invalid(`GrantTokens has at most ${MOST_GRANT_TOKENS} entries`)
  return tokens
}

export function texts(input: Input, field: string): readonly string[] {
  const value = input[field] ?? []
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) throw invalid(`${field} is a list of strings`)
  return value
}

/** An encryption context in one form, whatever the order of its pairs: what the ciphertext authenticates. */
export function canonicalPairs(input: Input, field: string): string {
  const value = input[field] ?? {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${field} is a map of strings`)
  const pairs = Object.entries(value as Record<string, unknown>)
  if (!pairs.every(([, item]) => typeof item === 'string')) throw invalid(`${field} is a map of strings`)
  return JSON.stringify(pairs.sort(([one], [other]) => (one < other ? -1 : 1)))
}
