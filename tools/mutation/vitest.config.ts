/** What a mutant of a package has to get past: the package's fast tests. */
import { defineConfig } from 'vitest/config'
import type { TestSpecification } from 'vitest/node'
import { BaseSequencer } from 'vitest/node'
import { projects } from '../../vitest.workspace.ts'
import { isPackage, packages } from './packages.ts'

/** The shortest file first, the contrary of what vitest does: most mutants are noticed there, and the run ends with the first failure. */
class ShortestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const duration = (file: TestSpecification): number => this.ctx.cache.getTestSpecificationResult(file)?.duration ?? 0
    return files.toSorted((a, b) => duration(a) - duration(b))
  }
}

const name = process.env['KEYFOLD_MUTATED'] ?? 'core'
if (!isPackage(name)) throw new Error(`no package ${name} has a mutation score`)

const { slowTitles } = packages[name]
const project = projects.find(({ test }) => test?.name === name)!

export default defineConfig({
  ...project,
  test: {
    ...project.test,
    exclude: [...packages[name].slowTests],
    ...(slowTitles.length > 0 && { testNamePattern: new RegExp(`^(?!.*(?:${slowTitles.join('|')}))`) }),
    // No corpora: the score must not depend on what lies beside the repository.
    env: { KEYFOLD_CORPORA: 'none', KEYFOLD_REQUIRE_ALL: '' },
    sequence: { sequencer: ShortestFirst },
  },
})
