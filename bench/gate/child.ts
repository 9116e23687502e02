// child.ts BASE WORK FIRST SECONDS NAME…: times each named measure of both checkouts in turn, in one process; prints, as JSON, the microseconds of
// each round, those of WORK over those of BASE. FIRST is `base` or `work`. A measure that the base cannot make yet is left out.
import { interleave } from '../interleave.ts'
import type { Work } from '../interleave.ts'
import type { Rounds } from '../statistics.ts'
import { MEASURES, modulesOf } from './measures.ts'

const [base = '', work = '', firstSide, seconds = '0', ...names] = process.argv.slice(2)
const ROUND_MS = 4
const WARM_MS = 300
const swapped = firstSide === 'work'
const sides = swapped ? [work, base] : [base, work]
const modules = [await modulesOf(sides[0]!), await modulesOf(sides[1]!)] as const
const budgetMs = Number(seconds) * 1000
const effort = { rounds: budgetMs, fewest: 5, budgetMs, roundMs: ROUND_MS, warmMs: Math.min(WARM_MS, budgetMs / 4) }

const samples: Record<string, Rounds> = {}
for (const name of names) {
  const works = modules.map((one) => made(name, one))
  const [first, second] = works
  if (first === undefined || second === undefined) continue
  const timings = await interleave({ first, second }, effort)
  const [one, other] = [timings.first.samples, timings.second.samples]
  samples[name] = swapped ? { over: one, under: other } : { over: other, under: one }
}
process.stdout.write(JSON.stringify(samples))

function made(name: string, one: Awaited<ReturnType<typeof modulesOf>>): Work | undefined {
  try {
    return MEASURES[name]!(one)
  } catch (error) {
    // a name that the checkout does not export: anything else is a fault
    if (error instanceof TypeError && error.message.endsWith('is not a function')) return undefined
    throw error
  }
}
