import type { TestFunction } from '../../src/testing.ts'

/** Runs a kit's cases without a test runner, those alone whose name fits `only`: the names of those that fail, with what each says. */
export async function failuresOf(declare: (test: TestFunction) => void, only = /^/): Promise<Record<string, string>> {
  const cases: Array<{ name: string; run: () => Promise<void> }> = []
  declare((name, run) => only.test(name) && cases.push({ name, run }))
  const failures: Record<string, string> = {}
  for (const { name, run } of cases) await run().catch((error: unknown) => (failures[name] = (error as Error).message))
  return failures
}
