import type { KeyState } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import { rotationError } from '../errors.ts'
import type { Database } from '../sqlite-driver.ts'
import type { Clock } from './clock.ts'
import type { KeyBook, KeyRoles, LedgerKey } from './types.ts'

type NamedKey = KeyRoles['active']

/** A configuration moves a key between these; what somebody decided about a key stays decided. */
const MOVABLE: ReadonlySet<KeyState> = new Set(['pre-active', 'active', 'decrypt-only'])

/** The keys of a ledger. */
export function keyBook(db: Database, clock: Clock): KeyBook {
  const all = db.prepare('SELECT id, key_id AS keyId, state, since, reason FROM keys ORDER BY since, id')
  const insert = db.prepare('INSERT INTO keys (id, key_id, state, since, reason) VALUES (?, ?, ?, ?, ?)')
  const update = db.prepare('UPDATE keys SET state = ?, since = ?, reason = ? WHERE id = ?')
  const rows = (): LedgerKey[] => all.all() as LedgerKey[]

  const setState = (id: string, state: KeyState, reason: string): void => {
    update.run(state, clock(), reason, id)
  }
  const place = (known: readonly LedgerKey[], { id, keyId }: NamedKey, state: KeyState): void => {
    const before = known.find((key) => key.id === id)
    if (before === undefined) insert.run(id, keyId, state, clock(), 'found in the configuration')
    else if (before.state !== state && MOVABLE.has(before.state)) setState(id, state, 'changed in the configuration')
  }
  const register = (roles: KeyRoles): void => {
    const known = rows()
    checkKeys(known, roles)
    for (const key of known) {
      if (key.state === 'active' && key.id !== roles.active.id) setState(key.id, 'decrypt-only', `replaced by ${roles.active.id}`)
    }
    place(known, roles.active, 'active')
    for (const key of roles.decryptOnly) place(rows(), key, 'decrypt-only')
  }
  return { all: rows, check: (roles) => checkKeys(rows(), roles), register: (roles) => db.transaction(() => register(roles)).immediate(), setState }
}

function checkKeys(known: readonly LedgerKey[], { active, decryptOnly }: KeyRoles): void {
  for (const key of [active, ...decryptOnly]) checkIdentity(known, key)
  const state = known.find(({ id }) => id === active.id)?.state ?? 'active'
  if (!MOVABLE.has(state)) throw rotationError('ERR_KEY_DISABLED', `${active.id} is to be the active key, and is ${state}`)
}

function checkIdentity(known: readonly LedgerKey[], { id, keyId }: NamedKey): void {
  for (const key of known) {
    if (key.id === id && key.keyId !== keyId) throw new KeyfoldError('ERR_KEY_MISMATCH', `${id} is not the key that the ledger has under this name`)
    if (key.id !== id && key.keyId === keyId) {
      throw new KeyfoldError('ERR_KEY_MISMATCH', `${id} is the key that the ledger has under the name ${key.id}`)
    }
  }
}
