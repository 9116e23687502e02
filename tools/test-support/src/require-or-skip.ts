import type { TestContext } from 'vitest'

/** CI sets it: what a test needs is then installed, and a skip would hide a broken set-up. */
export const requireAll = process.env['KEYFOLD_REQUIRE_ALL'] === '1'

/**
 * Goes on when what the test needs is there. Where it is missing, the test says so and is skipped, and fails in CI.
 * Call it inside of a test or a hook, with its context: `test('…', (context) => { requireOrSkip(context, hasPython(), 'python3 …') })`.
 */
export function requireOrSkip(context: Pick<TestContext, 'skip'>, available: boolean, reason: string): void {
  if (available) return
  if (requireAll) throw new Error(`KEYFOLD_REQUIRE_ALL is set, but this test can't run here: ${reason}`)
  process.stderr.write(`skipped: ${reason}\n`)
  context.skip(reason)
}
