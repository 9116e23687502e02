import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

interface Rule {
  readonly pattern: RegExp
  readonly reason: string
}

// A pattern is written so that this file passes its own check: `[X]` for one letter of what it looks for.
const rules: readonly Rule[] = [
  { pattern: /(?<![\w.~-])\/(?:home|root|Users|work|farm)\/[\w.-]+/g, reason: 'an absolute path of one machine' },
  { pattern: /registry\.(?:npmjs|yarnpkg|npmmirror)\b/g, reason: "a registry's host" },
  { pattern: /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[\w+/=]{40}/g, reason: 'a private key' },
  { pattern: /\b(?:TOD[O]|FIXM[E]|HAC[K])\b/g, reason: 'a mark that something is unfinished' },
  { pattern: /\bA[KS]IA[A-Z0-9]{16}\b/g, reason: "an AWS access key's id" },
]

const MAX_BYTES = 2_000_000

/** What git tracks or would add: ignored files are nobody's business. */
function filesOf(root: string): string[] {
  const output = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' })
  return output.split('\0').filter((path) => path !== '' && isText(join(root, path)))
}

function isText(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true && stats.size <= MAX_BYTES && !readFileSync(path).subarray(0, 8000).includes(0)
}

/** The house rules on words: one line for each place that breaks one, never with what stands there. */
export function wordFaults(root: string): string[] {
  return filesOf(root).flatMap((path) => faultsIn(path, readFileSync(join(root, path), 'utf8')))
}

function faultsIn(path: string, text: string): string[] {
  return rules.flatMap(({ pattern, reason }) =>
    Array.from(text.matchAll(pattern), (match) => `${path}:${text.slice(0, match.index).split('\n').length}: ${reason}`))
}
