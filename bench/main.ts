/**
 * npm run bench [-- --quick] [-- --only SUITE] [-- --json FILE] [-- --html FILE] [-- --rows N] [-- --stream-mib N]: what Keyfold costs, as shares of
 * the least that the same work takes, and against the libraries that one would pick instead.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { documentOf } from './document.ts'
import { htmlPage } from './html.ts'
import { FULL, QUICK } from './interleave.ts'
import { machine, machineLines } from './machine.ts'
import type { Section } from './report.ts'
import { table } from './report.ts'
import type { SuiteOrder } from './suite.ts'
import { inFolder } from './suite.ts'
import { SUITES } from './suites/index.ts'

const { values } = parseArgs({
  options: {
    'quick': { type: 'boolean', default: false },
    'only': { type: 'string', multiple: true },
    'json': { type: 'string' },
    'html': { type: 'string' },
    'rows': { type: 'string', default: '100000' },
    'stream-mib': { type: 'string', default: '1024' },
  },
  strict: true,
})
const { quick, only } = values
const unknown = only?.find((name) => !SUITES.some((suite) => suite.name === name))
if (unknown !== undefined) {
  console.error(`there is no suite ${unknown}; the suites are ${SUITES.map(({ name }) => name).join(', ')}`)
  process.exit(64)
}

const header = machine(loadavg()[0]!, quick)
console.log(machineLines(header).join('\n'))
console.log('Medians of interleaved rounds. A shared machine is noisy: read the shares, and their intervals of 95 %.\n')
const options = { effort: quick ? QUICK : FULL, quick, rows: Number(values.rows), streamMiB: Number(values['stream-mib']) }
const sections: Section[] = []
for (const suite of SUITES) {
  if (only !== undefined && !only.includes(suite.name)) continue
  const section = await inItsOwnProcess({ name: suite.name, options })
  console.log(`${table(section)}\n`)
  sections.push(section)
}
const document = documentOf(sections, header, quick)
write(values.json, `${JSON.stringify(document, undefined, 2)}\n`)
write(values.html, htmlPage(document))
console.log(`${document.results.length} results`)

/** What one suite leaves behind (a large heap, code that was compiled for other shapes) would be measured by the next. */
function inItsOwnProcess(order: SuiteOrder): Promise<Section> {
  return inFolder((folder) => {
    const file = join(folder, 'section.json')
    const child = [...process.execArgv, join(import.meta.dirname, 'suite-child.ts'), file]
    const { status, signal } = spawnSync(process.execPath, child, { input: JSON.stringify(order), stdio: ['pipe', 'inherit', 'inherit'] })
    if (status !== 0) throw new Error(`the suite ${order.name} ended with ${status ?? signal}`)
    return JSON.parse(readFileSync(file, 'utf8')) as Section
  })
}

function write(file: string | undefined, text: string): void {
  if (file === undefined) return
  // npm runs scripts in the repository's folder; a path is meant from where the user is
  writeFileSync(resolve(process.env['INIT_CWD'] ?? '.', file), text)
  console.log(`written: ${file}`)
}
