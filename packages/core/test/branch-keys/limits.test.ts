import { describe, expect, test } from 'vitest'
import { checkedLimits } from '../../src/branch-key-limits.ts'
import { checkedName } from '../../src/branch-key-reads.ts'
import { codeOf } from '../keys.ts'

const DAY_MS = 24 * 60 * 60 * 1000

test('the limits that are kept where nobody says otherwise', () => {
  expect(checkedLimits({})).toEqual({ ttlMs: 300_000, maxKeys: 1000, maxUses: 4_294_967_296, maxAgeMs: 90 * DAY_MS, minimumVersion: 1 })
})

describe('each limit has its range', () => {
  test.each([
    ['ttlMs', 1000, DAY_MS],
    ['maxKeys', 1, 1_000_000],
    ['maxUses', 1, 2 ** 48],
    ['maxAgeMs', 60_000, 36_500 * DAY_MS],
    ['minimumVersion', 1, 2 ** 31],
  ] as const)('%s: %d to %d', (name, least, most) => {
    for (const value of [least, most]) expect(checkedLimits({ [name]: value })[name]).toBe(value)
    for (const value of [least - 1, most + 1, least + 0.5, Number.NaN, Infinity, `${least}` as unknown as number]) {
      expect(codeOf(() => checkedLimits({ [name]: value }))).toBe('ERR_ARGUMENT')
      expect(() => checkedLimits({ [name]: value })).toThrow(`${name} is a whole number from ${least} to ${most}`)
    }
  })

  test('minimum versions by partition are checked one by one, and are ours from then on', () => {
    const mine = { a: 2, b: 3 }
    const { minimumVersion } = checkedLimits({ minimumVersion: mine })
    mine.a = 9
    expect(minimumVersion).toEqual({ a: 2, b: 3 })
    expect(codeOf(() => checkedLimits({ minimumVersion: { a: 2, b: 0 } }))).toBe('ERR_ARGUMENT')
  })
})

describe('the name of a partition', () => {
  test.each(['a', ' ', 'ключ 🔑', '\u0000', 'x'.repeat(255)])('%j', (name) => expect(checkedName(name)).toBe(name))

  test.each(['', 'x'.repeat(256), 'a\ud800', null, undefined, 7, ['a']])('%j is none', (name) => {
    expect(codeOf(() => checkedName(name as string))).toBe('ERR_ARGUMENT')
    expect(codeOf(() => checkedName(name as string, 'ERR_CONTEXT_INVALID'))).toBe('ERR_CONTEXT_INVALID')
    expect(() => checkedName(name as string)).toThrow('has 1 to 255 characters, none of them a lone surrogate')
  })
})
