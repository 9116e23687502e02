/** When is a measure slower? */
import type { Ratio } from '../statistics.ts'

/** A slow-down below this is not worth an alarm. */
const ALLOWED = 1.1

/** Slower beyond doubt: the whole interval lies above what is allowed. */
export function isSlower({ low }: Ratio): boolean {
  return low > ALLOWED
}

/** The result of one measure in one run: by which factor the working tree takes longer than the base. */
export interface Compared {
  readonly name: string
  readonly ratio: Ratio
}

/**
 * Runs all measures, and those that came out slower once more: what is slower twice in a row has failed. A neighbour that was busy in the first
 * run would have to come back, and disturb the same side again.
 */
export async function judge(
  names: readonly string[],
  run: (names: readonly string[]) => Promise<readonly Compared[]>,
): Promise<{ readonly results: readonly Compared[]; readonly failed: readonly string[] }> {
  const first = await run(names)
  const suspects = first.filter(({ ratio }) => isSlower(ratio)).map(({ name }) => name)
  if (suspects.length === 0) return { results: first, failed: [] }
  const second = await run(suspects)
  const again = new Map(second.map((one) => [one.name, one]))
  const results = first.map((one) => again.get(one.name) ?? one)
  return { results, failed: second.filter(({ ratio }) => isSlower(ratio)).map(({ name }) => name) }
}
