/** What the conformance kits are made of: cases that a test runner of any make can run, and claims that say which promise was broken. */
import { equalBytes } from './bytes.ts'
import { isKeyfoldError } from './errors.ts'

/** The `test` of vitest, jest, node:test and most others. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown

/** The promise that was broken, for the test runner. */
class ConformanceError extends Error {
  override readonly name = 'ConformanceError'
}

/** Fails the case unless `holds`. */
export function claim(holds: boolean, broken: string): asserts holds {
  if (!holds) throw new ConformanceError(broken)
}

/** Fails the case unless the bytes are equal; the bytes themselves are not shown. */
export function claimEqual(actual: unknown, expected: Uint8Array, what: string): void {
  claim(actual instanceof Uint8Array, `${what} is not a Uint8Array`)
  claim(equalBytes(actual, expected), `${what} (${actual.length} bytes) is not what was expected (${expected.length} bytes)`)
}

/** Fails the case unless `work` fails with a KeyfoldError of one of `codes`. */
export async function claimRefused(work: () => unknown, codes: readonly string[], what: string): Promise<void> {
  let error: unknown
  try {
    await work()
  } catch (thrown) {
    error = thrown
  }
  claim(error !== undefined, `${what} was accepted; ${codes.join(' or ')} was expected`)
  claimCode(error, codes, what)
}

/** Fails the case unless `error` is a KeyfoldError of one of `codes`. */
export function claimCode(error: unknown, codes: readonly string[], what: string): void {
  claim(isKeyfoldError(error), `${what} ended with an error that is not a KeyfoldError`)
  claim(codes.includes(error.code), `${what} ended with ${error.code}; ${codes.join(' or ')} was expected`)
}

/** `length` bytes that differ with `seed`: test data, no secret. */
export function insecureBytes(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7 + (i >> 3) * 13) & 0xff)
}

/** A copy with one bit changed. */
export function withBitFlipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}

/** At most `most` of the numbers below `count`, spread evenly, the first and the last among them. */
export function spread(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i)
  return Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)))
}
