/**
 * Two passes, since Stryker would put every mutant in code that runs while a file loads through all tests, most of them for nothing. The first
 * puts each mutant through the tests that run its code, and sets aside those that act while a file loads and at no other time (constants, tables,
 * patterns). The second takes those alone and puts them through all tests.
 */
import { relative } from 'node:path'
import type { MutantResult } from '@stryker-mutator/api/core'
import { Stryker } from '@stryker-mutator/core'
import { root } from '../run-step.ts'
import { optionsFor } from './options.ts'
import type { PackageName } from './packages.ts'
import type { Part } from './part.ts'
import { isOfPart } from './part.ts'
import { OTHER_PART } from './part-checker.ts'

/** @returns the mutants of the part, and how many there are in all */
export async function runMutants(
  name: PackageName,
  patterns: readonly string[],
  part: Part,
): Promise<{ results: MutantResult[]; all: number }> {
  // what vitest.config.ts and part-checker.ts read, which run in processes of Stryker
  Object.assign(process.env, { KEYFOLD_MUTATED: name, KEYFOLD_MUTATION_PART: `${part.part}/${part.of}` })
  const all = await runPasses(name, patterns)
  // not all that is left out came before the checker: code that no test runs does not
  const results = all.filter((mutant) => isOfPart(part, mutant))
  if (results.some(({ statusReason }) => statusReason === OTHER_PART)) throw new Error('a mutant of this part was left out')
  return { results, all: all.length }
}

async function runPasses(name: PackageName, patterns: readonly string[]): Promise<MutantResult[]> {
  const first = await new Stryker({ ...optionsFor(name, 'tests', patterns), ignoreStatic: true }).runMutationTest()
  const isSetAside = (mutant: MutantResult): boolean => mutant.status === 'Ignored' && mutant.static === true
  const setAside = first.filter(isSetAside)
  if (setAside.length === 0) return first
  const names = new Set(setAside.map(nameOf))
  const second = await new Stryker(optionsFor(name, 'constants', setAside.map(linesOf))).runMutationTest()
  // the lines hold other mutants too, which the first pass has judged
  const judged = second.filter((mutant) => names.has(nameOf(mutant)))
  if (judged.length !== names.size) throw new Error(`${names.size} mutants were set aside, ${judged.length} came back`)
  return [...first.filter((mutant) => !isSetAside(mutant)), ...judged]
}

function nameOf({ fileName, location: { start, end }, mutatorName, replacement }: MutantResult): string {
  return JSON.stringify([fileName, start, end, mutatorName, replacement])
}

/** Stryker's name for the lines of a mutant. */
function linesOf({ fileName, location: { start, end } }: MutantResult): string {
  return `${relative(root, fileName).replaceAll('\\', '/')}:${start.line}-${end.line}`
}
