// npm run -s node -- bench/docs.ts: makes docs/benchmarks.md, and the block of figures in the README where it has one, from bench/results.json.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from './document.ts'
import { markdownPage, withReadmeBlock } from './markdown.ts'

const root = join(import.meta.dirname, '..')
const document = parseDocument(readFileSync(join(import.meta.dirname, 'results.json'), 'utf8'))
writeFileSync(join(root, 'docs', 'benchmarks.md'), markdownPage(document))
const readme = join(root, 'README.md')
writeFileSync(readme, withReadmeBlock(readFileSync(readme, 'utf8'), document))
