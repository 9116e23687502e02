/** Which changes of a key's state are legal, after NIST SP 800-57 part 1, section 7, and what is said of the others. */
import type { KeyState } from '@keyfold/core'
import { isKeyfoldError } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import type { KeyCause, KeyChange } from '../../src/ledger/key-changes.ts'
import { assertLegal } from '../../src/ledger/key-changes.ts'

const STATES: readonly KeyState[] = ['pre-active', 'active', 'decrypt-only', 'compromised', 'disabled', 'destroyed']
const CAUSES: readonly KeyCause[] = ['config', 'retire', 'enable', 'compromise', 'rollback', 'destroy', 'migration']

/** `from > to: causes`. */
const LEGAL = new Set(
  [
    'pre-active > active: config',
    'pre-active > disabled: retire',
    'pre-active > compromised: compromise',
    'active > decrypt-only: config rollback',
    'active > compromised: compromise',
    'decrypt-only > active: rollback',
    'decrypt-only > disabled: retire',
    'decrypt-only > compromised: compromise',
    'decrypt-only > pre-active: migration',
    'compromised > disabled: retire',
    'disabled > decrypt-only: enable',
    'disabled > compromised: enable compromise',
    'disabled > destroyed: destroy',
  ].flatMap((line) => {
    const [change, causes = ''] = line.split(': ')
    return causes.split(' ').map((cause) => `${change}: ${cause}`)
  }),
)

function past(...states: KeyState[]): KeyChange[] {
  return states.map((state, i) => {
    const at = `2027-01-0${i + 1}T00:00:00Z`
    return { n: i + 1, id: 'key-file:q3', was: states[i - 1] ?? null, state, at, by: 'ana', cause: 'config', reason: 'a test' }
  })
}

function refusal(states: KeyState[], to: KeyState, cause: KeyCause): string | undefined {
  try {
    assertLegal('key-file:q3', past(...states), to, cause)
    return undefined
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_KEY_STATE')) return `${error.message} | ${error.hint}`
    throw error
  }
}

describe.each(STATES)('from %s', (from) => {
  test.each(STATES)('to %s', (to) => {
    const taken = CAUSES.filter((cause) => refusal([from], to, cause) === undefined)
    expect(taken).toEqual(CAUSES.filter((cause) => LEGAL.has(`${from} > ${to}: ${cause}`)))
  })
})

test('a key becomes known as one that seals, will seal, or opens', () => {
  const first = STATES.filter((state) => refusal([], state, 'config') === undefined)
  expect(first).toEqual(['pre-active', 'active', 'decrypt-only'])
  expect(refusal([], 'destroyed', 'config')).toContain('key-file:q3 is unknown, and the configuration cannot make it destroyed')
})

test('what was ever compromised does not become sound again', () => {
  for (const states of [['active', 'compromised', 'disabled'], ['compromised', 'disabled']] as const) {
    expect(refusal([...states], 'decrypt-only', 'enable')).toContain('key-file:q3 was compromised, and cannot become decrypt-only again')
    expect(refusal([...states], 'compromised', 'enable')).toBeUndefined()
    expect(refusal([...states], 'destroyed', 'destroy')).toBeUndefined()
  }
  expect(refusal(['active', 'compromised', 'decrypt-only'], 'active', 'rollback')).toContain('cannot become active again')
})

const STATE_TABLE = 'docs/rotation.md lists the states of a key and what moves it from one to the other. Nothing was changed.'
const NEW_KEY = 'Whoever has this key reads what it seals. Make a new key and set it as keyring.active.'

test.each([
  ['decrypt-only', 'active', 'config', 'the configuration', 'becomes active again by a rollback alone: `kms-rotate rollback --reason TEXT`'],
  ['compromised', 'active', 'rollback', 'a rollback', NEW_KEY],
  ['compromised', 'destroyed', 'destroy', '`keys destroy`', NEW_KEY],
  ['active', 'destroyed', 'destroy', '`keys destroy`', 'Only a disabled key is destroyed: `kms-rotate retire KEY-ID` first, then wait'],
  ['active', 'disabled', 'retire', '`retire`', STATE_TABLE],
  ['destroyed', 'decrypt-only', 'enable', '`keys enable`', STATE_TABLE],
  ['destroyed', 'compromised', 'compromise', '`keys compromise`', STATE_TABLE],
  ['active', 'pre-active', 'migration', 'a migration', STATE_TABLE],
] as const)('%s to %s by %s is refused with what did it and what to do', (from, to, cause, words, hint) => {
  const text = refusal([from], to, cause)
  expect(text).toContain(`key-file:q3 is ${from}, and ${words} cannot make it ${to} | `)
  expect(text).toContain(hint)
})
