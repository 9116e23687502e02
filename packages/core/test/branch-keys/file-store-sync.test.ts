/** What the file store does to its file, call by call: a disk that fails in the middle, and a second writer in the same moment. */
import { appendFileSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fileBranchKeyStore } from '../../src/branch-key-file.ts'
import { encodeLine } from '../../src/branch-key-log.ts'
import type { StoredBranchKey } from '../../src/index.ts'
import { calls, forgetCalls, hands, openFiles } from '../recorded-fs.ts'

vi.mock('node:fs', async (original) => (await import('../recorded-fs.ts')).recorded(await original()))

const LOG = 'branch-keys.log'
const key = (seed: number, fields: Partial<StoredBranchKey> = {}): StoredBranchKey => ({
  partition: 'a', version: seed, keyId: new Uint8Array(12).fill(seed), createdAt: 7, sealed: new Uint8Array(120).fill(seed), ...fields,
})
const lineOf = ({ keyId, partition, version, createdAt, sealed }: StoredBranchKey): string =>
  encodeLine({ id: 'ffffffffffffffff', keyId, change: 0, place: { partition, version, createdAt }, sealed })

let path: string
beforeEach(() => {
  path = join(temporaryFolder(), LOG)
  forgetCalls()
})
afterEach(() => {
  forgetCalls()
  expect([...openFiles.values()]).toEqual([])
})

describe('a change is on the disk before it is acknowledged', () => {
  test('an insert: its folder where the file is new, then the line', () => {
    const store = fileBranchKeyStore(path)
    const folder = basename(dirname(path))
    store.insert(key(1))
    expect(calls).toEqual([
      `open ${LOG}`, `open ${folder}`, `fsync ${folder}`, `close ${folder}`,
      `open ${LOG}`, `write ${LOG}`, `fsync ${LOG}`, `close ${LOG}`, `close ${LOG}`,
    ])
    forgetCalls()
    store.insert(key(2))
    expect(calls).toEqual([`open ${LOG}`, `open ${LOG}`, `write ${LOG}`, `fsync ${LOG}`, `close ${LOG}`, `close ${LOG}`])
  })

  test('a replacement: the new line first, then zeros over the old bytes', () => {
    const store = fileBranchKeyStore(path)
    store.insert(key(1))
    forgetCalls()
    expect(store.replace(key(1), null)).toBe(true)
    expect(calls).toEqual([
      `open ${LOG}`, `open ${LOG}`, `write ${LOG}`, `fsync ${LOG}`, `close ${LOG}`, `write ${LOG}`, `fsync ${LOG}`, `close ${LOG}`,
    ])
  })

  test('reading writes nothing, and syncs nothing', () => {
    fileBranchKeyStore(path).insert(key(1))
    forgetCalls()
    const store = fileBranchKeyStore(path)
    expect(store.find(key(1).keyId)).toEqual(key(1))
    expect(store.list({ limit: 9 })).toEqual([key(1)])
    expect(calls).toEqual([`open ${LOG}`, `close ${LOG}`, `open ${LOG}`, `close ${LOG}`])
  })
})

describe('a disk that fails', () => {
  test('in the middle of a line: the key is not taken, and the next one is', () => {
    const store = fileBranchKeyStore(path)
    store.insert(key(1))
    hands.write = (_, __, bytes) => {
      appendFileSync(path, bytes.subarray(0, 50))
      return 50
    }
    expect(() => store.insert(key(2))).toThrow(
      expect.objectContaining({
        code: 'ERR_KEY_UNAVAILABLE',
        message: 'a branch key could not be written whole',
        hint: 'Make room on the disk, and try again.',
      }) as Error,
    )
    forgetCalls()
    expect(store.insert(key(2))).toBe(true)
    expect(fileBranchKeyStore(path).versions('a')).toEqual([key(1), key(2)])
  })

  test('with an error: the files are closed, and the error is the system’s', () => {
    const store = fileBranchKeyStore(path)
    hands.write = () => {
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    }
    expect(() => store.insert(key(1))).toThrow('no space left')
    expect(openFiles.size).toBe(0)
  })

  test('or gives a few bytes at a time: all are read', () => {
    fileBranchKeyStore(path).insert(key(1))
    fileBranchKeyStore(path).insert(key(2))
    hands.read = (read, length) => read(Math.min(length, 7))
    expect(fileBranchKeyStore(path).versions('a')).toEqual([key(1), key(2)])
  })

  test('or ends before its size: what is there is read', () => {
    fileBranchKeyStore(path).insert(key(1))
    hands.read = () => 0
    expect(fileBranchKeyStore(path).versions('a')).toEqual([])
  })
})

describe('another process in the same moment', () => {
  /** What it appends just before our line. */
  const first = (text: string): void => {
    hands.write = (write) => {
      delete hands.write
      appendFileSync(path, text)
      return write()
    }
  }

  test('that makes the version first has made it', () => {
    const store = fileBranchKeyStore(path)
    store.insert(key(1))
    const theirs = key(9, { version: 2 })
    first(`\n${lineOf(theirs)}\n`)
    expect(store.insert(key(2))).toBe(false)
    expect(store.versions('a')).toEqual([key(1), theirs])
    expect(fileBranchKeyStore(path).versions('a')).toEqual([key(1), theirs])
  })

  test('that makes another version does not matter', () => {
    const store = fileBranchKeyStore(path)
    first(`\n${lineOf(key(9))}\n`)
    expect(store.insert(key(2))).toBe(true)
    expect(store.versions('a')).toEqual([key(2), key(9)])
  })

  test('that replaces the key first has replaced it', () => {
    const store = fileBranchKeyStore(path)
    store.insert(key(1))
    first(`\n${encodeLine({ id: 'ffffffffffffffff', keyId: key(1).keyId, change: 1, place: null, sealed: Uint8Array.of(5, 6) })}\n`)
    expect(store.replace(key(1), null)).toBe(false)
    expect(store.find(key(1).keyId)).toEqual(key(1, { sealed: Uint8Array.of(5, 6) }))
    expect(readFileSync(path, 'latin1')).not.toContain(Buffer.from(key(1).sealed!).toString('base64url'))
  })

  test('that adds a key while the file is read is seen', () => {
    fileBranchKeyStore(path).insert(key(1))
    hands.read = (read, length) => {
      delete hands.read
      appendFileSync(path, `\n${lineOf(key(9))}\n`)
      return read(length)
    }
    expect(fileBranchKeyStore(path).versions('a')).toEqual([key(1), key(9)])
  })

  test('a line of a change that is out of turn, or of a key that is not there, counts for nothing', () => {
    const store = fileBranchKeyStore(path)
    store.insert(key(1))
    for (const [seed, change] of [[1, 2], [9, 1], [9, 2]] as const) {
      const line = { id: 'ffffffffffffffff', keyId: key(seed).keyId, change, place: null, sealed: Uint8Array.of(5, 6) }
      appendFileSync(path, `\n${encodeLine(line)}\n`)
    }
    for (const view of [store, fileBranchKeyStore(path)]) expect(view.list({ limit: 9 })).toEqual([key(1)])
    expect(readFileSync(path, 'latin1')).toContain(Buffer.from(key(1).sealed!).toString('base64url'))
    expect(store.replace(key(1), Uint8Array.of(7))).toBe(true)
    expect(fileBranchKeyStore(path).find(key(1).keyId)).toEqual(key(1, { sealed: Uint8Array.of(7) }))
  })
})

test('what is no regular file is refused before it is read', () => {
  expect(() => fileBranchKeyStore('/dev/null').versions('a')).toThrow(
    expect.objectContaining({
      code: 'ERR_BRANCH_KEY_STORE',
      message: '/dev/null is no regular file',
      hint: 'Check the path: it names a file of branch keys, or none yet.',
    }) as Error,
  )
})
