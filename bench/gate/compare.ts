/** Compares two checkouts. */
import { join } from 'node:path'
import { runNode } from '../processes.ts'
import type { Rounds } from '../statistics.ts'
import { ratioOverProcesses } from '../statistics.ts'
import type { Compared } from './verdict.ts'

const child = join(import.meta.dirname, 'child.ts')

export interface Comparison {
  readonly base: string
  readonly work: string
  /**
   * Processes, an even number: what the compiler decides in one of them holds for all of its rounds, and the side that it sees first is at an
   * advantage, or at a disadvantage, of up to a fifth. Each side is first in half of them.
   */
  readonly processes: number
  /** How long each measure runs in a process, both sides together. */
  readonly seconds: number
}

/** The slow-down of each measure that both sides can make. */
export async function compare({ base, work, processes, seconds }: Comparison, names: readonly string[]): Promise<Compared[]> {
  const rounds = new Map<string, [baseFirst: Rounds[], workFirst: Rounds[]]>()
  for (let i = 0; i < processes; i++) {
    const output = runNode(['--conditions=@keyfold/source', child, base, work, i % 2 === 0 ? 'base' : 'work', String(seconds), ...names])
    for (const [name, found] of Object.entries(JSON.parse(output) as Record<string, Rounds>)) {
      const kinds = rounds.get(name) ?? [[], []]
      kinds[i % 2]!.push(found)
      rounds.set(name, kinds)
    }
  }
  return [...rounds].map(([name, kinds]) => ({ name, ratio: ratioOverProcesses(kinds) }))
}
