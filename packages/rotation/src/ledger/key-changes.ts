import type { KeyState } from '@keyfold/core'
import { rotationError } from '../errors.ts'

/** What moves a key from state to state. */
export type KeyCause =
  /** The configuration names another active key, or a new one. */
  | 'config'
  /** `retire`: no record needs it. */
  | 'retire'
  /** Taken back out of `disabled`, by a person or because a record under it appeared. */
  | 'enable'
  | 'compromise'
  | 'rollback'
  | 'destroy'
  /** What an older release had written, put into the words of this one. */
  | 'migration'

/** Who changes a state, and why. */
export interface Who {
  readonly by: string
  readonly reason: string
}

/** One change of a key's state. */
export interface KeyChange {
  /** 1, 2, 3 …: the order in which changes happened, whatever the clock said. */
  readonly n: number
  readonly id: string
  /** Null where the key became known. */
  readonly was: KeyState | null
  readonly state: KeyState
  /** ISO 8601; never before the change before it. */
  readonly at: string
  /** Null for what an older release wrote. */
  readonly by: string | null
  readonly cause: KeyCause
  readonly reason: string
}

type Legal = Readonly<Record<KeyState, Partial<Record<KeyState, readonly KeyCause[]>>>>

/**
 * Every legal change, after NIST SP 800-57 part 1, section 7: from, to, by what. Whatever does not stand here is refused. Only a rollback makes a
 * decrypt-only key active; nothing does so with a compromised one, nor gives back a destroyed one.
 */
export const LEGAL_CHANGES: Legal = {
  'pre-active': { active: ['config'], disabled: ['retire'], compromised: ['compromise'] },
  'active': { 'decrypt-only': ['config', 'rollback'], compromised: ['compromise'] },
  'decrypt-only': { 'active': ['rollback'], 'disabled': ['retire'], 'compromised': ['compromise'], 'pre-active': ['migration'] },
  'compromised': { disabled: ['retire'] },
  'disabled': { 'decrypt-only': ['enable'], 'compromised': ['enable', 'compromise'], 'destroyed': ['destroy'] },
  'destroyed': {},
}

/** The states that a key may have when it becomes known. */
const FIRST: ReadonlySet<KeyState> = new Set<KeyState>(['pre-active', 'active', 'decrypt-only'])

/**
 * Refuses a change that the table does not have, and the return of a key that was ever compromised into a state in which it would pass for sound.
 *
 * @throws KeyfoldError ERR_KEY_STATE
 */
export function assertLegal(id: string, past: readonly KeyChange[], to: KeyState, cause: KeyCause): void {
  const from = past.at(-1)?.state
  const legal = from === undefined ? FIRST.has(to) : LEGAL_CHANGES[from][to]?.includes(cause) === true
  if (!legal) throw rotationError('ERR_KEY_STATE', `${id} is ${from ?? 'unknown'}, and ${WORDS[cause]} cannot make it ${to}`, hintFor(from, to))
  if (wasCompromised(past) && (to === 'active' || to === 'decrypt-only')) {
    throw rotationError('ERR_KEY_STATE', `${id} was compromised, and cannot become ${to} again`)
  }
}

export function wasCompromised(past: readonly KeyChange[]): boolean {
  return past.some(({ state }) => state === 'compromised')
}

const WORDS: Readonly<Record<KeyCause, string>> = {
  config: 'the configuration',
  retire: '`retire`',
  enable: '`keys enable`',
  compromise: '`keys compromise`',
  rollback: 'a rollback',
  destroy: '`keys destroy`',
  migration: 'a migration',
}

function hintFor(from: KeyState | undefined, to: KeyState): { hint?: string } {
  if (from === 'decrypt-only' && to === 'active')
    return {
      hint:
        'A key that is decrypt-only becomes active again by a rollback alone: `kms-rotate rollback --reason TEXT` reverses the last rotation. ' +
        'Else make a new key and rotate to it.',
    }
  if (from === 'compromised') return { hint: 'Whoever has this key reads what it seals. Make a new key and set it as keyring.active.' }
  if (to === 'destroyed') return { hint: 'Only a disabled key is destroyed: `kms-rotate retire KEY-ID` first, then wait for the cool-off to end.' }
  return {}
}
