import type { TestFunction } from '../../src/testing.ts'

/** Runs a kit's cases without a test runner, those alone whose name fits `only`: the names of those that fail, with what each says. */
export async function failuresOf(declare: (test: TestFunction) => void, only = /^/): Promise<Record<string, string>> {
  const cases: Array<{ name: string; run: () => Promise<void> }> = []
  declare((name, run) => only.test(name) && cases.push({ name, run }))
  const failures: Record<string, string> = {}
  for (const { name, run } of cases) await run().catch((error: unknown) => (failures[name] = said(error)))
  return failures
}

/** A case has a name, and says which promise was broken: a kit that fails without a word helps nobody. */
function said(error: unknown): string {
  const { message } = error as Error
  if (!/\w/.test(message) || /^ | $|  |^\W* ended|\(\)/.test(message)) throw new Error(`a kit says "${message}"`)
  return message
}
