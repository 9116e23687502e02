import type { TestContext } from 'vitest'

/**
 * Goes on when what the test needs is there. Where it is missing, the test says so and is skipped. CI sets KEYFOLD_REQUIRE_ALL=1: what a test
 * needs is then installed, a skip would hide a broken set-up, and so the test fails.
 * Call it inside of a test or a hook, with its context: `test('…', (context) => { requireOrSkip(context, hasPython(), 'python3 …') })`.
 */
export function requireOrSkip(context: Pick<TestContext, 'skip'>, available: boolean, reason: string): void {
  if (available) return
  if (process.env['KEYFOLD_REQUIRE_ALL'] === '1') throw new Error(`KEYFOLD_REQUIRE_ALL is set, but this test can't run here: ${reason}`)
  process.stderr.write(`skipped: ${reason}\n`)
  context.skip(reason)
}
