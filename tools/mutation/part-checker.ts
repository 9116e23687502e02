/** Stryker's plugin that leaves out the mutants of other parts: run.ts says of which part we are. */
import type { CheckResult, Checker } from '@stryker-mutator/api/check'
import { CheckStatus } from '@stryker-mutator/api/check'
import type { Location, Mutant, Position } from '@stryker-mutator/api/core'
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin'
import { isOfPart, parsePart } from './part.ts'

class PartChecker implements Checker {
  readonly #part = parsePart(process.env['KEYFOLD_MUTATION_PART'] ?? '1/1') ?? { part: 1, of: 1 }

  async init(): Promise<void> {
    // nothing to prepare
  }

  async check(mutants: Mutant[]): Promise<Record<string, CheckResult>> {
    return Object.fromEntries(mutants.map((mutant) => [mutant.id, this.#resultOf(mutant)]))
  }

  async group(mutants: Mutant[]): Promise<string[][]> {
    return [mutants.map(({ id }) => id)]
  }

  #resultOf(mutant: Mutant): CheckResult {
    if (isOfPart(this.#part, { ...mutant, location: counted(mutant.location) })) return { status: CheckStatus.Passed }
    return { status: CheckStatus.CompileError, reason: OTHER_PART }
  }
}

/** Results count lines and columns from 1, what a checker gets counts from 0. */
function counted({ start, end }: Location): Location {
  const next = ({ line, column }: Position): Position => ({ line: line + 1, column: column + 1 })
  return { start: next(start), end: next(end) }
}

/** Stryker knows no status for a mutant that was left out. */
export const OTHER_PART = 'of another part'

export const strykerPlugins = [declareClassPlugin(PluginKind.Checker, 'part', PartChecker)]
