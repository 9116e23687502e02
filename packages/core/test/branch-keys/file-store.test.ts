import {
  appendFileSync, chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fuzzRuns, temporaryFolder } from '@keyfold/test-support'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { fileBranchKeyStore } from '../../src/branch-key-file.ts'
import type { StoredBranchKey } from '../../src/index.ts'
import { memoryBranchKeyStore } from '../../src/index.ts'
import { codeOf } from '../keys.ts'

const bytes = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 31 + 1) % 256)
const key = (seed: number, fields: Partial<StoredBranchKey> = {}): StoredBranchKey => ({
  partition: 'a', version: seed + 1, keyId: bytes(12, seed), createdAt: 1_790_000_000_000, sealed: bytes(150, seed), ...fields,
})
const base64 = (value: Uint8Array): string => Buffer.from(value).toString('base64url')
const place = (): string => join(temporaryFolder(), 'branch-keys.log')

describe('the file', () => {
  test('is made for its owner alone, and not before it is used', () => {
    const path = place()
    const store = fileBranchKeyStore(path)
    expect(codeOf(() => statSync(path))).toBe('ENOENT')
    store.insert(key(1))
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('what was replaced or destroyed is in the file no more; what stands is', () => {
    const path = place()
    const store = fileBranchKeyStore(path)
    store.insert(key(1))
    store.insert(key(2))
    expect(readFileSync(path, 'latin1')).toContain(base64(key(1).sealed!))
    store.replace(key(1), bytes(140, 9))
    expect(readFileSync(path, 'latin1')).not.toContain(base64(key(1).sealed!))
    expect(readFileSync(path, 'latin1')).toContain(base64(bytes(140, 9)))
    store.replace({ ...key(1), sealed: bytes(140, 9) }, null)
    expect(readFileSync(path, 'latin1')).not.toContain(base64(bytes(140, 9)))
    expect(readFileSync(path, 'latin1')).toContain(base64(key(2).sealed!))
    const again = fileBranchKeyStore(path)
    expect(again.find(key(1).keyId)).toEqual(key(1, { sealed: null }))
    expect(again.find(key(2).keyId)).toEqual(key(2))
  })

  test('whoever was killed before the overwriting leaves it to the next reader', () => {
    const path = place()
    const store = fileBranchKeyStore(path)
    store.insert(key(1))
    const before = readFileSync(path)
    store.replace(key(1), null)
    const after = readFileSync(path)
    writeFileSync(path, Buffer.concat([before, after.subarray(before.length)])) // the old bytes are back, the change stands behind them
    expect(readFileSync(path, 'latin1')).toContain(base64(key(1).sealed!))
    expect(fileBranchKeyStore(path).find(key(1).keyId)).toEqual(key(1, { sealed: null }))
    expect(readFileSync(path, 'latin1')).not.toContain(base64(key(1).sealed!))
  })

  test('abuse 16: a line that a kill cut at any byte is as if it never was; the next one counts', () => {
    const path = place()
    fileBranchKeyStore(path).insert(key(1))
    const first = readFileSync(path)
    fileBranchKeyStore(path).insert(key(2))
    const both = readFileSync(path)
    for (let end = first.length; end < both.length - 1; end++) {
      writeFileSync(path, both.subarray(0, end))
      const store = fileBranchKeyStore(path)
      expect(store.find(key(2).keyId)).toBeUndefined()
      expect(store.insert(key(3))).toBe(true)
      const again = fileBranchKeyStore(path)
      expect(again.find(key(1).keyId)).toEqual(key(1))
      expect(again.find(key(3).keyId)).toEqual(key(3))
      // cut behind the last brace, the line is whole once the next one ends it
      expect(again.find(key(2).keyId)).toEqual(end === both.length - 1 ? key(2) : undefined)
    }
  })

  test('a first write that was cut does not lock the file for ever', () => {
    const path = place()
    writeFileSync(path, '\n{"format":"keyf', { mode: 0o600 })
    const store = fileBranchKeyStore(path)
    expect(store.versions('a')).toEqual([])
    expect(store.insert(key(1))).toBe(true)
    expect(fileBranchKeyStore(path).versions('a')).toEqual([key(1)])
  })

  test('a file that is none of branch keys is refused, and not written to', () => {
    const path = place()
    for (const content of ['hello\n', '{}\n', 'SQLite format 3\0\n', `${JSON.stringify({ format: 'keyfold branch key 2' })}\n`]) {
      writeFileSync(path, content)
      const store = fileBranchKeyStore(path)
      for (const call of [() => store.versions('a'), () => store.insert(key(1)), () => store.list({ limit: 1 })]) {
        expect(codeOf(call)).toBe('ERR_BRANCH_KEY_STORE')
      }
      expect(readFileSync(path, 'utf8')).toBe(content)
    }
  })

  test('a folder, a link, a path that is none', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'sub'))
    expect(codeOf(() => fileBranchKeyStore(join(folder, 'sub')).versions('a'))).toBe('EISDIR')
    symlinkSync(join(folder, 'target'), join(folder, 'link'))
    expect(codeOf(() => fileBranchKeyStore(join(folder, 'link')).insert(key(1)))).toBe('ELOOP')
    for (const path of ['', 'a\0b', 7 as unknown as string]) expect(codeOf(() => fileBranchKeyStore(path))).toBe('ERR_ARGUMENT')
  })

  test('a huge file is refused before it is read', () => {
    const path = place()
    writeFileSync(path, '')
    truncateSync(path, 0x2000_0001)
    expect(codeOf(() => fileBranchKeyStore(path).versions('a'))).toBe('ERR_LIMIT')
  })

  test('an older copy, or another file, that comes to its place is read anew', () => {
    const path = place()
    const store = fileBranchKeyStore(path)
    store.insert(key(1))
    copyFileSync(path, `${path}.old`)
    store.insert(key(2))
    expect(store.versions('a')).toHaveLength(2)
    renameSync(`${path}.old`, path)
    expect(store.versions('a')).toEqual([key(1)])
    truncateSync(path, 0)
    expect(store.versions('a')).toEqual([])
  })

  test('what cannot be written is an error, and nothing is kept of it', () => {
    const path = place()
    fileBranchKeyStore(path).insert(key(1))
    const before = readFileSync(path)
    chmodSync(path, 0o400)
    if (process.geteuid?.() !== 0) expect(codeOf(() => fileBranchKeyStore(path).insert(key(2)))).toBe('EACCES')
    expect(readFileSync(path)).toEqual(before)
  })
})

describe('against a store in memory', () => {
  const partition = fc.constantFrom('a', 'b', 'ключ 🔑', '"\\\n')
  const change = fc.oneof(
    fc.record({ kind: fc.constant('insert' as const), seed: fc.nat(9), version: fc.integer({ min: 1, max: 4 }), partition }),
    fc.record({
      kind: fc.constant('replace' as const),
      seed: fc.nat(9),
      sealed: fc.option(fc.uint8Array({ minLength: 1, maxLength: 60 })),
      stale: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('reopen' as const) }),
    fc.record({ kind: fc.constant('cut' as const), text: fc.string({ maxLength: 40 }) }),
  )

  test('any sequence of changes, views and cut lines ends in the same keys', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const path = join(temporary, `${Math.random()}.log`)
        const model = memoryBranchKeyStore()
        let store = fileBranchKeyStore(path)
        const other = fileBranchKeyStore(path)
        for (const [i, step] of changes.entries()) {
          const view = i % 3 === 0 ? other : store
          if (step.kind === 'insert') {
            const made = key(step.seed, { partition: step.partition, version: step.version })
            expect(view.insert(made)).toBe(model.insert(made))
          } else if (step.kind === 'replace') {
            const known = model.find(bytes(12, step.seed))
            const from = known === undefined || step.stale ? key(step.seed, { sealed: bytes(5, 200) }) : known
            expect(view.replace(from, step.sealed)).toBe(model.replace(from, step.sealed))
          } else if (step.kind === 'reopen') store = fileBranchKeyStore(path)
          else if (i > 0) appendFileSync(path, step.text)
        }
        for (const view of [store, other, fileBranchKeyStore(path)]) expect(view.list({ limit: 100 })).toEqual(model.list({ limit: 100 }))
      }),
      { numRuns: Math.min(fuzzRuns(), 300) },
    )
  })
  /** One folder for the many files of the property. */
  const temporary = mkdtempSync(join(tmpdir(), 'keyfold-test-'))
  afterAll(() => rmSync(temporary, { recursive: true, force: true }))
})
