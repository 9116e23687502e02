import { writeUint16, writeUtf8 } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import type { CanonicalContext, EncryptionContext } from './types.ts'

/** Limits of a context, stated in docs/format.md: they keep the authenticated data small and the encoding's lengths in range. */
export const CONTEXT_LIMITS = { pairs: 64, keyBytes: 255, valueBytes: 65_535 } as const

type Pair = readonly [key: string, value: string]

/**
 * Checks a context and encodes it: a count, then each key and value with its length, keys in the order of their bytes. The order of bytes is
 * that of code points, not of UTF-16 units, so that every runtime and language gets the same.
 *
 * @throws KeyfoldError ERR_CONTEXT_INVALID for anything but string pairs, an empty, duplicate or `__proto__` key, a lone surrogate, or a
 *   context over its limits
 */
export function canonicalContext(context: EncryptionContext): CanonicalContext {
  const pairs = pairsOf(context)
  if (pairs.length > CONTEXT_LIMITS.pairs) throw invalid(`it has ${pairs.length} pairs, ${CONTEXT_LIMITS.pairs} are allowed`)
  let units = 0
  for (const pair of pairs) units += checkPair(pair)
  sortByKey(pairs)
  return Object.freeze(new Canonical(encodePairs(pairs, units), pairs))
}

/** A class, not a literal: see format.ts. */
class Canonical implements CanonicalContext {
  readonly bytes: Uint8Array
  readonly pairs: readonly Pair[]

  constructor(bytes: Uint8Array, pairs: readonly Pair[]) {
    this.bytes = bytes
    this.pairs = pairs
  }
}

/** For all contexts of a usual size: the encoding, whose length is known last, is copied out of it. */
const scratch = new Uint8Array(2048)

/** @param units the UTF-16 units of all keys and values, each of which takes at most three bytes */
function encodePairs(pairs: readonly Pair[], units: number): Uint8Array {
  const most = 1 + pairs.length * 3 + units * 3
  const out = most <= scratch.length ? scratch : new Uint8Array(most)
  out[0] = pairs.length
  let at = 1
  for (const [key, value] of pairs) {
    const keyLength = writeUtf8(out, at + 3, key)
    const valueLength = writeUtf8(out, at + 3 + keyLength, value)
    if (keyLength > CONTEXT_LIMITS.keyBytes) throw invalid(`a key has over ${CONTEXT_LIMITS.keyBytes} bytes`)
    if (valueLength > CONTEXT_LIMITS.valueBytes) throw invalid(`a value has over ${CONTEXT_LIMITS.valueBytes} bytes`)
    out[at] = keyLength
    writeUint16(out, at + 1, valueLength)
    at += 3 + keyLength + valueLength
  }
  return out.slice(0, at)
}

function pairsOf(context: EncryptionContext): Pair[] {
  if (Array.isArray(context)) return [...(context as readonly Pair[])]
  if (typeof context !== 'object' || context === null) throw invalid('it is not an object')
  const prototype: unknown = Object.getPrototypeOf(context)
  if (prototype !== Object.prototype && prototype !== null) throw invalid('it is not a plain object')
  if (Object.getOwnPropertySymbols(context).length > 0) throw invalid('it has a symbol as a key')
  return Object.entries(context as Record<string, string>)
}

/** @returns the pair's length in UTF-16 units */
function checkPair(pair: Pair): number {
  if (!Array.isArray(pair) || pair.length !== 2) throw invalid('it has an entry that is not a pair')
  const [key, value] = pair as Pair
  if (typeof key !== 'string' || typeof value !== 'string') throw invalid('it has a key or value that is not a string')
  if (key === '') throw invalid('it has an empty key')
  // A context that came through a parser may carry it as an own key; through an assignment it would have vanished silently.
  if (key === '__proto__') throw invalid('it has the key __proto__')
  if (!key.isWellFormed() || !value.isWellFormed()) throw invalid('it has a lone surrogate')
  // No encoding is shorter than its units: what is far too long need not be encoded to be refused.
  if (key.length > CONTEXT_LIMITS.keyBytes) throw invalid(`a key has over ${CONTEXT_LIMITS.keyBytes} bytes`)
  if (value.length > CONTEXT_LIMITS.valueBytes) throw invalid(`a value has over ${CONTEXT_LIMITS.valueBytes} bytes`)
  return key.length + value.length
}

/** Insertion sort: of a handful of pairs, which Array's own sort would copy first. At most 64, so its worst case is a thousand comparisons. */
function sortByKey(pairs: Pair[]): void {
  for (let i = 1; i < pairs.length; i++) {
    const pair = pairs[i]!
    let at = i
    for (; at > 0; at--) {
      const order = compareCodePoints(pairs[at - 1]![0], pair[0])
      if (order === 0) throw invalid('it has a key twice')
      if (order < 0) break
      pairs[at] = pairs[at - 1]!
    }
    pairs[at] = pair
  }
}

/** The order of code points, which is that of UTF-8's bytes, for well-formed strings. */
function compareCodePoints(one: string, other: string): number {
  const shared = Math.min(one.length, other.length)
  for (let i = 0; i < shared; i++) {
    const a = one.charCodeAt(i)
    const b = other.charCodeAt(i)
    if (a !== b) return rankOfUnit(a) - rankOfUnit(b)
  }
  return one.length - other.length
}

/** Surrogates stand for code points above all others, yet their units are below those from U+E000 on. */
function rankOfUnit(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x2800 : unit
}

function invalid(fact: string): KeyfoldError {
  return new KeyfoldError('ERR_CONTEXT_INVALID', `the encryption context cannot be used: ${fact}`)
}
