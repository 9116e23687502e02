/** The results as docs/benchmarks.md, and as the few lines that the README shows. */
import type { Document } from './document.ts'
import { machineLines } from './machine.ts'
import type { Figure, Result, Section } from './report.ts'
import { percent, shown } from './report.ts'

const INTRODUCTION = `# Benchmarks

Made by \`npm run -s node -- bench/docs.ts\` from bench/results.json, which \`npm run bench -- --json bench/results.json\` wrote. Not edited by hand.

All figures of a table come from the same rounds: every candidate runs in each round, in turn, and the medians are compared. *Of floor* is the
share of the least that the same work takes; the interval is where that share lies with a confidence of 95 % (bootstrap over the rounds).
Microseconds belong to the machine below; shares hold on others. \`npm run bench -- --html FILE\` makes the same with bars.
`

export function markdownPage({ machine, date, quick, sections }: Document): string {
  const measured = `Measured ${date}${quick ? ' by a quick run, which only shows that the suites run' : ''}`
  const header = [...machineLines(machine), measured].map((line) => `- ${line}`).join('\n')
  return `${[`${INTRODUCTION}\n${header}`, ...sections.map(sectionMarkdown)].join('\n\n')}\n`
}

function sectionMarkdown({ title, floor, results, figures = [], notes = [] }: Section): string {
  const timed = results.some(({ peer }) => peer !== undefined) ? peerTable(results) : resultTable(results)
  return [
    `## ${title}`,
    ...(results.length > 0 ? [`Floor: ${floor}.`, timed] : []),
    ...(figures.length > 0 ? [figureTable(figures)] : []),
    ...(notes.length > 0 ? [notes.map((note) => `- ${note}`).join('\n')] : []),
  ].join('\n\n')
}

function resultTable(results: readonly Result[]): string {
  const rows = results.map((one) => [one.name, shown(one.us), shown(one.floorUs), percent(one.ofFloor), interval(one)])
  return tableOf(['', 'us', 'floor us', 'of floor', 'interval'], rows)
}

function peerTable(results: readonly Result[]): string {
  const rows = results.map((one) => [
    one.name, shown(one.us), percent(one.ofFloor), one.peer === undefined ? '' : String(one.peer.timesKeyfold), one.peer?.lacks ?? '',
  ])
  return tableOf(['', 'us', 'of floor', 'times Keyfold', 'what it leaves undone'], rows)
}

function figureTable(figures: readonly Figure[]): string {
  return tableOf(['', '', ''], figures.map(({ name, value, unit }) => [name, shown(value), unit]))
}

function tableOf(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  // numbers stand in the columns from the second on, texts in the first and in those that are long
  const rule = head.map((_, i) => (i === 0 || rows.some((row) => row[i]!.length > 15) ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

function interval({ interval: range }: Result): string {
  return range === undefined ? '' : `${percent(range[0])} to ${percent(range[1])}`
}

const README_BEGIN = '<!-- benchmarks:begin (made by bench/docs.ts) -->'
const README_END = '<!-- benchmarks:end -->'

/** What the README shows: by the names of the results, so that one which is gone is noticed. */
const HIGHLIGHTS = [
  'seal 256 B key-file', 'seal 256 B key-file, a floor without the wrap', 'open 256 B key-file',
  'seal 64 KiB key-file', 'seal 64 KiB key-file, a floor without the wrap', 'open 64 KiB key-file',
  'seal a stream in pieces of 1 MiB', 'open a stream in pieces of 1 MiB',
]
const PEER_WORK = 'seal 256 B, '

function readmeBlock({ machine, results }: Document): string {
  const named = HIGHLIGHTS.map((name) => {
    const found = results.find((one) => one.name === name)
    if (found === undefined) throw new Error(`the results have no ${name}`)
    return [name, shown(found.us), percent(found.ofFloor)]
  })
  const peers = results.filter(({ name, peer }) => name.startsWith(PEER_WORK) && peer !== undefined)
  const times = peers.map(({ name, peer }) => `${name.slice(PEER_WORK.length)} ${peer!.timesKeyfold}`).join('; ')
  return [
    README_BEGIN,
    `On ${machine.cpu}, Node ${machine.node}, against the bare calls of node:crypto that the format needs for one record by itself:`,
    '',
    tableOf(['', 'us', 'of floor'], named),
    '',
    'Keyfold wraps data keys ahead of their records, many at once, so a seal can take less than those calls; *a floor without the wrap*',
    'is given its wrap for nothing.',
    '',
    `How long others take to seal 256 B, Keyfold being 1: ${times}. What each of them leaves undone, and all the rest:`,
    '[docs/benchmarks.md](docs/benchmarks.md).',
    README_END,
  ].join('\n')
}

/** The text with its block made anew; as it is where it has none. */
export function withReadmeBlock(text: string, document: Document): string {
  const [begin, end] = [text.indexOf(README_BEGIN), text.indexOf(README_END)]
  if (begin < 0 || end < begin) return text
  return text.slice(0, begin) + readmeBlock(document) + text.slice(end + README_END.length)
}
