import { SQL_OFFSETS } from '@keyfold/core'
import { hex } from './key-index.ts'

/** Longer values are not read: to see the first bytes of a value, SQLite loads all of it. */
export const MAX_READ_BYTES = 1_048_576
/** Less than any envelope has: such values need no look at all. */
const LEAST_BYTES = 64
/** Stands before the count of values that are too long to read, in one sum with the count of those that claim to be sealed. */
const TOO_LONG_UNIT = 0x1_0000_0000

/** What one column's sum says. */
export interface Claims {
  readonly sealed: number
  readonly tooLong: number
}

/**
 * An SQL sum over a column: how many of its values claim to be sealed, and how many are too long to tell. Stricter than what a registered column is
 * judged by, since any bytes may stand here: the whole fixed header must be one of a known envelope. `octet_length` and `typeof` load nothing.
 */
export function claimSum(sql: string): string {
  const bySize = (begins: string): string =>
    `CASE WHEN octet_length(${sql}) < ${LEAST_BYTES} THEN 0 WHEN octet_length(${sql}) > ${MAX_READ_BYTES} THEN ${TOO_LONG_UNIT} ELSE ${begins} END`
  const bytes = bySize(`${inBlob(sql)} OR ${textInBlob(sql)}`)
  return `sum(CASE typeof(${sql}) WHEN 'text' THEN ${bySize(inText(sql))} WHEN 'blob' THEN ${bytes} ELSE 0 END)`
}

/** Takes a sum of `claimSum` apart; over no rows it is NULL. */
export function claimsOf(sum: unknown): Claims {
  const value = typeof sum === 'bigint' ? sum : 0n
  return { sealed: Number(value % BigInt(TOO_LONG_UNIT)), tooLong: Number(value / BigInt(TOO_LONG_UNIT)) }
}

const { blob, text } = SQL_OFFSETS

function inBlob(sql: string): string {
  const length = blob.heads[0]!.length
  const count = `substr(${sql}, ${blob.count}, 1) BETWEEN ${hex(blob.one)} AND ${hex(blob.most)}`
  return `(${within(sql, blob.prefix)} AND substr(${sql}, 1, ${length}) IN (${blob.heads.map(hex).join(', ')}) AND ${count})`
}

function inText(sql: string): string {
  const heads = text.heads.map((head) => `'${head}'`).join(', ')
  const count = `substr(${sql}, ${text.count}, 1) BETWEEN '${text.one}' AND '${text.most}'`
  const [from, to] = [text.prefix, after(Buffer.from(text.prefix)).toString()]
  const near = `${sql} COLLATE BINARY >= '${from}' AND ${sql} COLLATE BINARY < '${to}'`
  return `(${near} AND substr(${sql}, 1, ${text.heads[0].length}) IN (${heads}) AND ${count})`
}

/** A program may have written the text form as bytes. */
function textInBlob(sql: string): string {
  const [one, most] = [text.one, text.most].map((char) => hex(Buffer.from(char)))
  const heads = text.heads.map((head) => hex(Buffer.from(head))).join(', ')
  const count = `substr(${sql}, ${text.count}, 1) BETWEEN ${one} AND ${most}`
  return `(${within(sql, Buffer.from(text.prefix))} AND substr(${sql}, 1, ${text.heads[0].length}) IN (${heads}) AND ${count})`
}

/** Whether bytes begin with a prefix, told by two comparisons: these call no function, as `substr` does, and nearly every value ends here. */
function within(sql: string, prefix: Uint8Array): string {
  return `${sql} >= ${hex(prefix)} AND ${sql} < ${hex(after(prefix))}`
}

/** The first bytes behind all that begin with a prefix. */
function after(prefix: Uint8Array): Buffer {
  const next = Buffer.from(prefix)
  next[next.length - 1]! += 1
  return next
}
