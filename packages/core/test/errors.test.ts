import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isKeyfoldError, KeyfoldError } from '../src/errors.ts'
import { codeOfError } from './keys.ts'

/** The codes of core, as they stand in its source. */
const codes = [...readFileSync(new URL('../src/errors.ts', import.meta.url), 'utf8').matchAll(/^\s*(ERR_[A-Z_]+):/gm)].map(([, code]) => code!)

test('there are codes', () => expect(codes.length).toBeGreaterThan(25))

test.each(codes)('%s has a hint that says what to do', (code) => {
  const error = new KeyfoldError(code, 'it happened')
  expect(codeOfError(error)).toBe(code)
  expect(error.hint).toMatch(/^[A-Z`].{20,}/)
})

test('a code of another package brings its own hint; a name of Object.prototype is no code', () => {
  expect(new KeyfoldError('ERR_OTHER', 'it happened', { hint: 'Do that.' })).toMatchObject({ code: 'ERR_OTHER', hint: 'Do that.' })
  expect(new KeyfoldError('toString', 'it happened').hint).toBe('')
})

test('an error is an Error with a name, its fact and its cause', () => {
  const cause = new Error('underneath')
  const error = new KeyfoldError('ERR_LIMIT', 'too much', { cause })
  expect(error).toBeInstanceOf(Error)
  expect(String(error)).toBe('KeyfoldError: too much')
  expect(error.cause).toBe(cause)
  expect('cause' in new KeyfoldError('ERR_LIMIT', 'too much')).toBe(false)
})

test('isKeyfoldError tells ours from others, by code where one is named', () => {
  const error = new KeyfoldError('ERR_LIMIT', 'too much')
  expect(isKeyfoldError(error)).toBe(true)
  expect(isKeyfoldError(error, 'ERR_ARGUMENT', 'ERR_LIMIT')).toBe(true)
  expect(isKeyfoldError(error, 'ERR_ARGUMENT')).toBe(false)
  expect(isKeyfoldError(Object.assign(new Error('too much'), { code: 'ERR_LIMIT' }), 'ERR_LIMIT')).toBe(false)
})
