/** The results as one HTML page: no script, nothing from the network, bars as inline SVG. */
import type { Document } from './document.ts'
import { machineLines } from './machine.ts'
import type { Result, Section } from './report.ts'
import { percent, shown } from './report.ts'

const BAR = { width: 260, height: 14, full: 200 }

const STYLE = `
  body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #1b1f24; background: #fff }
  table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .2rem .6rem .2rem 0; vertical-align: top }
  td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } tr { border-bottom: 1px solid #e3e6ea } .less { color: #57606a }
  rect.share { fill: #2f6f9f } rect.peer { fill: #8c959f } line.floor { stroke: #b3261e } line.interval { stroke: #111 }
  @media (prefers-color-scheme: dark) {
    body { background: #14171a; color: #e6e9ec } tr { border-color: #2c3136 } line.interval { stroke: #fff } .less { color: #9aa4ad }
  }
`

export function htmlPage(document: Document): string {
  const { machine, date, quick, sections } = document
  const header = [...machineLines(machine), `${date}${quick ? '. A quick run: these figures only show that the suites run.' : ''}`]
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Keyfold benchmarks</title>
<meta name="viewport" content="width=device-width">
<style>${STYLE}</style>
<h1>Keyfold benchmarks</h1>
${header.map((line) => `<p class="less">${escaped(line)}</p>`).join('\n')}
<p>Each bar is the share of the floor, which the red line marks: the least that the same work takes, measured in the same rounds.
The thin line is the interval in which the share lies with a confidence of 95&nbsp;%.</p>
${sections.map(sectionHtml).join('\n')}
</html>
`
}

function sectionHtml({ title, floor, results, figures = [], notes = [] }: Section): string {
  const head = '<tr><th><th class="n">us<th class="n">floor us<th class="n">of floor<th><th>'
  const rows = results.map((one) => {
    const cells = [shown(one.us), shown(one.floorUs), percent(one.ofFloor)].map((cell) => `<td class="n">${cell}`).join('')
    return `<tr><td>${escaped(one.name)}${cells}<td>${bar(one)}<td class="less">${escaped(peerText(one))}`
  })
  const figureRows = figures.map(({ name, value, unit }) => `<tr><td>${escaped(name)}<td class="n">${shown(value)}<td>${escaped(unit)}`)
  return [
    `<h2>${escaped(title)}</h2>`,
    ...(rows.length > 0 ? [`<p class="less">Floor: ${escaped(floor)}</p>`, `<table>${[head, ...rows].join('\n')}</table>`] : []),
    ...(figureRows.length > 0 ? [`<table>${figureRows.join('\n')}</table>`] : []),
    ...notes.map((note) => `<p class="less">${escaped(note)}</p>`),
  ].join('\n')
}

function peerText({ peer }: Result): string {
  if (peer === undefined) return ''
  return `${peer.timesKeyfold} times Keyfold${peer.lacks === '' ? '' : `; ${peer.lacks}`}`
}

/** What is faster than the floor reaches beyond its line, as far as there is room. */
function bar({ ofFloor, interval, peer }: Result): string {
  const x = (share: number): string => Math.min(BAR.width, share * BAR.full).toFixed(1)
  const middle = BAR.height / 2
  const line = (kind: string, x1: string, y1: number, x2: string, y2: number): string =>
    `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
  return [
    `<svg width="${BAR.width}" height="${BAR.height}" role="img" aria-label="${percent(ofFloor)}">`,
    `<rect class="${peer === undefined ? 'share' : 'peer'}" width="${x(ofFloor)}" height="${BAR.height}"/>`,
    line('floor', x(1), 0, x(1), BAR.height),
    interval === undefined ? '' : line('interval', x(interval[0]), middle, x(interval[1]), middle),
    '</svg>',
  ].join('')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
