import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestContext } from 'vitest'
import { repositoryRoot } from './paths.ts'
import { requireOrSkip } from './require-or-skip.ts'

/** Where other people's test files lie: `KEYFOLD_CORPORA`, or `shared/corpora` beside the repository's folder. */
export function corporaFolder(): string {
  return resolve(process.env['KEYFOLD_CORPORA'] ?? join(repositoryRoot, '..', 'shared', 'corpora'))
}

/** The path of one corpus, `corpus(context, 'wycheproof')`; skips the test (fails it in CI) where it is missing. */
export function corpus(context: Pick<TestContext, 'skip'>, ...parts: readonly string[]): string {
  const path = join(corporaFolder(), ...parts)
  requireOrSkip(context, existsSync(path), `no corpus ${parts.join('/')}; set KEYFOLD_CORPORA to the folder that holds it`)
  return path
}
