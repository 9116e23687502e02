/**
 * npm run bench:gate [-- --base COMMIT]: is the working tree slower than a commit before it? Six measures of both, side by side in the same
 * processes; one that is over 10 % slower beyond doubt, twice in a row, fails. Takes at most five minutes.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { baseOf, gitIn } from './base.ts'
import { checkOut } from './checkout.ts'
import { compare } from './compare.ts'
import { MEASURES } from './measures.ts'
import type { Compared } from './verdict.ts'
import { isSlower, judge } from './verdict.ts'

const root = join(import.meta.dirname, '..', '..')
/** Six measures in 4 processes, 1.5 s in each: a minute, with what they need to start and to warm up; twice at most. */
const EFFORT = { processes: 4, seconds: 1.5 }

const { values } = parseArgs({ options: { base: { type: 'string' } }, strict: true })
const names = Object.keys(MEASURES)
const base = values.base === undefined ? baseOf(gitIn(root)) : { commit: values.base, why: 'as asked' }
if (base === undefined) {
  console.log('There is no commit to compare with: the history begins here, or git is missing.')
  console.log(`bench:gate: 0 passed, 0 failed, ${names.length} skipped`)
} else {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'keyfold-gate-')))
  try {
    checkOut(root, base.commit, folder)
    console.log(`Compared with ${base.commit.slice(0, 12)}, ${base.why}. Factors of time, over 1 is slower; intervals of 95 %.`)
    const { results, failed } = await judge(names, async (some) => show(await compare({ base: folder, work: root, ...EFFORT }, some)))
    for (const name of failed) console.log(`FAILED ${name}: over 10 % slower, twice in a row`)
    const skipped = names.length - results.length
    console.log(`bench:gate: ${results.length - failed.length} passed, ${failed.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
    process.exitCode = failed.length === 0 ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function show(results: Compared[]): Compared[] {
  for (const { name, ratio } of results) {
    const interval = `${ratio.low.toFixed(3)}-${ratio.high.toFixed(3)}`
    console.log(`${name.padEnd(46)} ${ratio.ratio.toFixed(3)}  ${interval}${isSlower(ratio) ? '  slower' : ''}`)
  }
  return results
}
