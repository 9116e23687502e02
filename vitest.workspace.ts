import { fileURLToPath } from 'node:url'
import type { TestProjectInlineConfiguration } from 'vitest/config'

const here = (folder: string): string => fileURLToPath(new URL(folder, import.meta.url))

// Exactly these two: tests read the sources, and one more condition changes what other packages resolve to.
const ssr = { resolve: { conditions: ['@keyfold/source', 'node'] } }

function project(name: string, folder: string, include: readonly string[] = ['test/**/*.test.ts']): TestProjectInlineConfiguration {
  // threads that a test starts resolve packages as it does
  const execArgv = ['--conditions=@keyfold/source']
  return { ssr, test: { name, root: here(folder), include: [...include], execArgv, testTimeout: 180_000, hookTimeout: 180_000 } }
}

/** The same tests on the backend that browsers get: what core does must not depend on who does the arithmetic. */
function portable(config: TestProjectInlineConfiguration): TestProjectInlineConfiguration {
  // its processes are plain Node and would only do the same again
  const test = { ...config.test, exclude: ['test/wrappers/keychain*-processes.test.ts'] }
  return { ...config, test, resolve: { alias: { '#backend': here('./packages/core/src/backend-noble.ts') } } }
}

/** `vitest --project core` runs one of them. */
export const projects: TestProjectInlineConfiguration[] = [
  project('core', './packages/core'),
  portable(project('core-portable', './packages/core')),
  project('kms-emulator', './packages/kms-emulator'),
  project('sqlite', './packages/sqlite'),
  project('rotation', './packages/rotation'),
  project('examples', './examples'),
  project('bench', './bench'),
  project('tools', './tools'),
  project('root', './tests', ['**/*.test.ts']),
]
