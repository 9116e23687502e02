import { existsSync, statSync } from 'node:fs'
import { corporaFolder, corpus, fuzzRuns, requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { afterEach, describe, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

let folderOfBefore = ''

test('a temporary folder is private', () => {
  folderOfBefore = temporaryFolder()
  expect(statSync(folderOfBefore).mode & 0o077).toBe(0)
})

test('a temporary folder is gone after its test', () => {
  expect(folderOfBefore).not.toBe('')
  expect(existsSync(folderOfBefore)).toBe(false)
})

describe('what a test needs', () => {
  const skip = (reason?: unknown): never => {
    throw new Error(`skipped: ${String(reason)}`)
  }

  test('and is there lets it go on, in CI too', () => {
    vi.stubEnv('KEYFOLD_REQUIRE_ALL', '1')
    expect(() => requireOrSkip({ skip }, true, 'a thing')).not.toThrow()
  })

  test('and is missing skips it with the reason on stderr, and fails it in CI', () => {
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    vi.stubEnv('KEYFOLD_REQUIRE_ALL', '')
    expect(() => requireOrSkip({ skip }, false, 'no such thing')).toThrow('skipped: no such thing')
    expect(stderr).toHaveBeenCalledWith('skipped: no such thing\n')
    vi.stubEnv('KEYFOLD_REQUIRE_ALL', '1')
    expect(() => requireOrSkip({ skip }, false, 'no such thing')).toThrow(/^KEYFOLD_REQUIRE_ALL .* no such thing$/)
  })

  test('among the corpora is looked for where KEYFOLD_CORPORA says', () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    vi.stubEnv('KEYFOLD_REQUIRE_ALL', '')
    vi.stubEnv('KEYFOLD_CORPORA', temporaryFolder())
    expect(() => corpus({ skip }, 'wycheproof')).toThrow(/skipped: no corpus wycheproof/)
    expect(corpus({ skip })).toBe(corporaFolder())
  })
})

test('fuzz tests run as often as they are told, and 2,000 times else', () => {
  vi.stubEnv('KEYFOLD_FUZZ_RUNS', undefined)
  expect(fuzzRuns()).toBe(2000)
  vi.stubEnv('KEYFOLD_FUZZ_RUNS', '7')
  expect(fuzzRuns()).toBe(7)
})
