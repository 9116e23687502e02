import { expect, test } from 'vitest'
import { documentOf, parseDocument } from '../document.ts'
import { htmlPage } from '../html.ts'
import { machine } from '../machine.ts'
import { markdownPage, withReadmeBlock } from '../markdown.ts'
import type { Section } from '../report.ts'
import { compared, result, table } from '../report.ts'

const steady = (us: number) => ({ us, samples: [us, us, us, us, us] })
const records: Section = {
  title: 'Records <b>',
  floor: 'the calls of node:crypto',
  results: [
    ...['256 B', '64 KiB'].flatMap((size) => [
      compared(`seal ${size} key-file`, steady(10), steady(8)),
      result(`seal ${size} key-file, a floor without the wrap`, 10, 5),
      result(`open ${size} key-file`, 10, 9),
    ]),
    ...['seal', 'open'].map((work) => result(`${work} a stream in pieces of 1 MiB`, 1000, 900)),
    { ...compared('seal 256 B, another library', steady(100), steady(8)), peer: { library: 'other', timesKeyfold: 10, lacks: 'no context' } },
  ],
  figures: [{ name: '256 B', value: 118, unit: 'B over the payload' }],
  notes: ['a third library is not in the table: it did not load'],
}
const document = documentOf([records], machine(0.5, true), false, new Date('2026-11-27T12:00:00Z'))

test('a result has the names that the schema keyfold-bench/1 states', () => {
  expect(document.schema).toBe('keyfold-bench/1')
  expect(document.results[0]).toEqual({ name: 'seal 256 B key-file', us: 10, floorUs: 8, ofFloor: 0.8, interval: [0.8, 0.8] })
  expect(parseDocument(JSON.stringify(document))).toEqual(document)
})

test('a document of another schema is refused', () => {
  expect(() => parseDocument(JSON.stringify({ ...document, schema: 'keyfold-bench/2' }))).toThrow(/schema/)
})

test('the header names the machine, Node, OpenSSL and the versions of the packages', () => {
  const { cpu, cores, node, openssl, packages } = document.machine
  expect({ node, openssl }).toEqual({ node: process.version, openssl: process.versions.openssl })
  expect(cores).toBeGreaterThan(0)
  expect(cpu).not.toBe('')
  expect(Object.keys(packages)).toContain('@keyfold/core')
})

test('the HTML page refers to nothing outside of itself, runs nothing, and escapes names', () => {
  const page = htmlPage(document)
  expect(page).not.toMatch(/https?:|\/\/|src=|href=|@import|url\(|<script/i)
  expect(page).toContain('Records &lt;b&gt;')
  expect(page.match(/<svg /g)).toHaveLength(document.results.length)
})

test('every result, figure and note stands in the terminal, in the HTML page and in the Markdown page', () => {
  const said = ['seal 64 KiB key-file', '118', 'no context', 'it did not load']
  for (const text of [table(records), htmlPage(document), markdownPage(document)]) for (const part of said) expect(text).toContain(part)
})

test('the block of the README is made anew, and all around it stays', () => {
  const readme = 'before\n<!-- benchmarks:begin (made by bench/docs.ts) -->\nstale\n<!-- benchmarks:end -->\nafter\n'
  const made = withReadmeBlock(readme, document)
  expect(made).toMatch(/^before\n<!-- benchmarks:begin[^]*seal 256 B key-file \| 10 \| 80 %[^]*another library 10[^]*benchmarks:end -->\nafter\n$/)
  expect(made).not.toContain('stale')
  expect(withReadmeBlock(made, document)).toBe(made)
  expect(withReadmeBlock('no block', document)).toBe('no block')
})
