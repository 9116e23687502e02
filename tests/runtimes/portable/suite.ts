import { branchKeyCases } from './branch-keys.ts'
import type { Case } from './case.ts'
import { runAll } from './case.ts'
import { canonicalContexts, contextCases } from './contexts.ts'
import type { Sealed } from './exchange.ts'
import { exchangeCases, sealForOthers } from './exchange.ts'
import { recordCases } from './records.ts'
import { streamCases, tellsOfCancel } from './streams.ts'
import { stringCases } from './strings.ts'
import type { Vectors } from './vectors.ts'
import { vectorCases } from './vectors.ts'

/** What is to be tried. */
export type Task =
  | { readonly kind: 'core'; readonly vectors: Vectors }
  | { readonly kind: 'strings'; readonly strings: readonly string[] }
  | { readonly kind: 'exchange'; readonly sealed: Readonly<Record<string, Sealed>> }

export interface Report {
  /** The name of every case that ran. */
  readonly names: readonly string[]
  /** `name: what was wrong`, for each case that failed. */
  readonly failed: readonly string[]
  readonly contexts: readonly string[]
  readonly sealed: Sealed
  /** See `tellsOfCancel`. */
  readonly tellsOfCancel: boolean
}

export async function runTask(task: Task): Promise<Report> {
  const cases = casesOf(task)
  return {
    names: cases.map(({ name }) => name),
    failed: await runAll(cases),
    contexts: canonicalContexts(),
    sealed: await sealForOthers(),
    tellsOfCancel: await tellsOfCancel(),
  }
}

function casesOf(task: Task): Case[] {
  if (task.kind === 'core') return [...vectorCases(task.vectors), ...recordCases(), ...branchKeyCases(), ...contextCases(), ...streamCases()]
  if (task.kind === 'strings') return stringCases(task.strings)
  return Object.entries(task.sealed).flatMap(([from, sealed]) => exchangeCases(from, sealed))
}
