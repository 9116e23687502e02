/** What the portable suite is made of. Nothing in this folder imports a module of Node or a test framework: it runs in a page as it runs in Bun. */

/** One claim about the packed core; it throws where the claim does not hold. */
export interface Case {
  readonly name: string
  run(): void | Promise<void>
}

export type Pairs = ReadonlyArray<readonly [key: string, value: string]>

/** Runs all of them, one after the other; gives `name: what was wrong` for each that failed. */
export async function runAll(cases: readonly Case[]): Promise<string[]> {
  const failed: string[] = []
  for (const { name, run } of cases) {
    try {
      await run()
    } catch (error) {
      failed.push(`${name}: ${String(error)}`)
    }
  }
  return failed
}

/** Fails unless both are equal as JSON. */
export function same(actual: unknown, expected: unknown): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (got !== wanted) throw new Error(`${cut(got)} instead of ${cut(wanted)}`)
}

const cut = (text: string = 'undefined'): string => (text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text)

/** Fails unless `work` fails with this code. */
export async function refused(code: string, work: () => unknown): Promise<void> {
  same(await codeOf(work), code)
}

/** The code of the error that `work` ends with; `none` where it ends well. */
export async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'none'
  } catch (error) {
    return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : `untyped: ${String(error)}`
  }
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function unhex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))
}

/** Bytes that anybody can compute, for keys and payloads of tests. */
export function insecureBytes(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7 + (i >> 3) * 13) & 0xff)
}

export function withBitFlipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}
