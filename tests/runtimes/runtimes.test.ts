/** The packed core in every runtime that it is made for: one suite, the same results, and what one seals the others open. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { corpus, repositoryRoot, requireOrSkip } from '@keyfold/test-support'
import type { TestContext } from 'vitest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pinned } from '../pinned.ts'
import { CONTEXTS } from './portable/contexts.ts'
import type { Report, Task } from './portable/suite.ts'
import type { Vectors } from './portable/vectors.ts'
import type { Project } from './runtimes.ts'
import { makeProject, servers } from './runtimes.ts'

const MINUTES = 60_000
const vectors = JSON.parse(readFileSync(join(repositoryRoot, 'vectors', 'envelope-v1.json'), 'utf8')) as Vectors

const guide = readFileSync(join(repositoryRoot, 'docs', 'runtimes.md'), 'utf8')

let project: Project
/** Of every runtime that is here, once its suite has run. */
const reports = new Map<string, Report>()

beforeAll(async () => {
  project = await makeProject()
}, 5 * MINUTES)

afterAll(() => project.remove())

type Run = (context: TestContext, task: Task) => Promise<Report>

const runtimes: ReadonlyArray<readonly [name: string, run: Run]> = [
  ...servers.map((server) => [server.name, (context: TestContext, task: Task) => project.run(context, server, task)] as const),
  ['Chromium', async (context: TestContext, task: Task) => (await project.page(context)).run(task)] as const,
]

describe.each(runtimes)('%s', (name, run) => {
  test('abuse 1, 2, 12, 13: opens and refuses every vector, seals, rewraps, streams, and keeps the promises of a key wrapper', async (context) => {
    const report = await run(context, { kind: 'core', vectors })
    reports.set(name, report)
    expect(report.failed).toEqual([])
    const { valid, invalid, contexts } = vectors
    expect(report.names.filter((one) => one.includes(' vector: '))).toHaveLength(valid.length + invalid.length + contexts.length)
  }, 5 * MINUTES)

  test('seals and opens every naughty string, as a plaintext and in a context', async (context) => {
    const strings = JSON.parse(readFileSync(corpus(context, 'naughty-strings', 'blns.json'), 'utf8')) as string[]
    const report = await run(context, { kind: 'strings', strings })
    expect(report.failed).toEqual([])
    expect(report.names).toHaveLength(strings.length)
  }, 2 * MINUTES)
})

describe('all of them', () => {
  const isThere = (context: TestContext, name: string): void =>
    requireOrSkip(context, reports.has(name), `${name} has not run its suite`)

  test.for(runtimes)('%s opens what each of the others sealed', { timeout: 2 * MINUTES }, async ([name, run], context) => {
    isThere(context, name)
    const sealed = Object.fromEntries(Array.from(reports, ([from, report]) => [from, report.sealed]))
    const report = await run(context, { kind: 'exchange', sealed })
    expect(report.failed).toEqual([])
    expect(report.names).toEqual(Array.from(reports.keys(), (from) => [`opens the records of ${from}`, `opens the stream of ${from}`]).flat())
  })

  test.for(runtimes)('abuse 12: %s gives every context the bytes of the specification, by one digest', ([name], context) => {
    isThere(context, name)
    const digest = (all: readonly string[]): string => createHash('sha256').update(all.join('\n')).digest('hex')
    expect(digest(reports.get(name)!.contexts)).toBe(digest(CONTEXTS.map(bySpecification)))
  })

  test.for(runtimes)('%s ran the same cases', ([name], context) => {
    isThere(context, name)
    expect(reports.get(name)!.names).toEqual(reports.values().next().value!.names)
  })
})

/** docs/format.md, "Encryption context", with the order taken from the bytes themselves. */
function bySpecification(pairs: (typeof CONTEXTS)[number]): string {
  const encoded = pairs.map((pair) => pair.map((text) => Buffer.from(text, 'utf8')) as [Buffer, Buffer])
  encoded.sort(([one], [other]) => one.compare(other))
  const parts = encoded.map(([key, value]) => Buffer.concat([Buffer.from([key.length, value.length >> 8, value.length & 0xff]), key, value]))
  return Buffer.concat([Buffer.from([pairs.length]), ...parts]).toString('hex')
}

describe.each(servers.map((server) => [server.name, server] as const))('%s', (_name, server) => {
  test(`picks ${server.backend}, keeps key files and branch keys, claims no FIPS; abuse 14: refuses bad key files`, async (context) => {
    expect(await project.withNodeModules(context, server)).toEqual({
      backend: server.backend,
      fips: 'ERR_FIPS',
      opened: 'from a key file',
      mode: '600',
      codes: {
        'open.key': 'ERR_KEY_FILE_ACCESS',
        'link.key': 'ERR_KEY_FILE_ACCESS',
        'folder.key': 'ERR_KEY_FILE_ACCESS',
        'short.key': 'ERR_KEY_FILE_FORMAT',
        'none.key': 'ERR_KEY_FILE_MISSING',
        'made twice': 'ERR_KEY_FILE_EXISTS',
      },
      failed: [],
    })
  }, 2 * MINUTES)

  test('tells a transform that its reader has cancelled, on which a stream wipes its keys', (context) => {
    requireOrSkip(context, reports.has(server.name), `${server.name} has not run its suite`)
    expect(reports.get(server.name)!.tellsOfCancel).toBe(true)
  })

  test('docs/runtimes.md names the version that is tested', () => {
    expect(guide).toContain(`| ${pinned(server.pin).version} |`)
  })

  test('the example of docs/runtimes.md runs', async (context) => {
    const [, program] = /^```ts\n(.*?)^```$/ms.exec(guide)!
    expect(await project.print(context, server, program!)).toBe('a note\n')
  })
})
