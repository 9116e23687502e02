import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { wordFaults } from '../check-words/check.ts'

// Put together here, so that this file is clean itself.
const planted: readonly (readonly [string, string])[] = [
  ['an absolute path', `const data = '/${'home'}/somebody/data'`],
  ["a registry's host", `https://registry.${'npmjs'}.org/x`],
  ['a private key', `-----BEGIN RSA PRIVATE KEY-----\n${'A'.repeat(64)}\n`],
  ['an unfinished mark', `// ${'TO'}DO later`],
  ['a cloud key id', `AK${'IA'}${'Q'.repeat(16)}`],
]

function repository(text: string): string {
  const root = temporaryFolder()
  execFileSync('git', ['init', '--quiet', root])
  writeFileSync(join(root, 'a.txt'), `first line\n${text}\n`)
  return root
}

test.each(planted)('%s is found, and what it says is not repeated', (_what, text) => {
  const faults = wordFaults(repository(text))
  expect(faults).toHaveLength(1)
  expect(faults[0]).toMatch(/^a\.txt:2: /)
  expect(faults[0]).not.toContain(text)
})

test('ordinary text is clean, and so is what git ignores', () => {
  const root = repository('/run/secrets/aes.key, ~/work/x, ../work/x, the todo list')
  writeFileSync(join(root, '.gitignore'), 'ignored.txt\n')
  writeFileSync(join(root, 'ignored.txt'), planted[0]![1])
  expect(wordFaults(root)).toEqual([])
})
