import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { vectors } from '../make-vectors.ts'
import { example, withExample } from '../vectors/example.ts'

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')

test('the published vectors are what the code makes today', () => {
  expect(JSON.parse(read('vectors/envelope-v1.json'))).toEqual(JSON.parse(JSON.stringify(vectors())))
})

test('the worked example of docs/format.md is what the code makes today', () => {
  const page = read('docs/format.md')
  expect(withExample(page, example(vectors().valid))).toBe(page)
})
