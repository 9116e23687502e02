import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseDocument } from '../document.ts'
import { markdownPage, withReadmeBlock } from '../markdown.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), 'utf8')
const document = parseDocument(read('bench', 'results.json'))

test('docs/benchmarks.md and the block in the README are what bench/results.json gives', () => {
  expect(read('docs', 'benchmarks.md')).toBe(markdownPage(document))
  expect(withReadmeBlock(read('README.md'), document)).toBe(read('README.md'))
})

test('what the documents show was measured in full', () => {
  expect(document.quick).toBe(false)
})
