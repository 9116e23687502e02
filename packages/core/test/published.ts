/** Reads the test vectors that others published: Wycheproof and NIST CAVP. */
import { readFileSync } from 'node:fs'
import { corpus } from '@keyfold/test-support'
import type { TestContext } from 'vitest'

export type Result = 'valid' | 'invalid' | 'acceptable'
export interface Group<T> {
  keySize: number
  ivSize: number
  tagSize: number
  tests: T[]
}
export interface Case {
  key: string
  iv: string
  aad: string
  msg: string
  ct: string
  tag: string
  result: Result
}
export type NistCase = Record<string, string>

export function wycheproof<T>(context: TestContext, file: string): Group<T>[] {
  return (JSON.parse(readFileSync(corpus(context, 'wycheproof', file), 'utf8')) as { testGroups: Group<T>[] }).testGroups
}

/** Blocks of `Name = value` lines; a section in brackets sets the defaults of the blocks behind it. */
export function nist(context: TestContext, file: string): NistCase[] {
  const blocks: NistCase[] = []
  const section: NistCase = {}
  for (const paragraph of readFileSync(corpus(context, 'nist-cavp', file), 'utf8')
    .replaceAll('\r', '')
    .split('\n\n')) {
    const block: NistCase = {}
    for (const line of paragraph.split('\n')) {
      const bracket = /^\[(.+?) = (.+)\]$/.exec(line)
      if (bracket !== null) section[bracket[1]!] = bracket[2]!
      const pair = /^(\w+) = ?(.*)$/.exec(line)
      if (pair !== null) block[pair[1]!] = pair[2]!
      else if (line === 'FAIL') block['FAIL'] = 'yes'
    }
    if ('Count' in block || 'COUNT' in block) blocks.push({ ...section, ...block })
  }
  return blocks
}
