import { existsSync, statSync } from 'node:fs'
import { requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'

test('a temporary folder is private', () => {
  const folder = temporaryFolder()
  expect(existsSync(folder)).toBe(true)
  expect(statSync(folder).mode & 0o077).toBe(0)
})

test('what is there is not skipped', () => {
  let skipped = false
  const skip = (): never => {
    skipped = true
    throw new Error('skipped')
  }
  requireOrSkip({ skip }, true, 'unused')
  expect(skipped).toBe(false)
})
