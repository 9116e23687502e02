import type { TestFunction } from '../../src/testing.ts'

/** Runs a kit's cases without a test runner: the names of those that fail, with what each says. */
export async function failuresOf(declare: (test: TestFunction) => void): Promise<Record<string, string>> {
  const cases: Array<{ name: string; run: () => Promise<void> }> = []
  declare((name, run) => cases.push({ name, run }))
  const failures: Record<string, string> = {}
  for (const { name, run } of cases) await run().catch((error: unknown) => (failures[name] = (error as Error).message))
  return failures
}
