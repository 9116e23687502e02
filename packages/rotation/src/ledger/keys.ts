import type { KeyState } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import { rotationError } from '../errors.ts'
import type { Database } from '../sqlite-driver.ts'
import type { Clock } from './clock.ts'
import type { KeyCause, KeyChange, Who } from './key-changes.ts'
import { assertLegal } from './key-changes.ts'
import type { KeyRows } from './key-mac.ts'
import { assertAuthentic, checkOf, macOf } from './key-mac.ts'
import type { KeyBook, KeyDraft, KeyRoles, LedgerKey, LedgerSeal, NamedKey } from './types.ts'

/** The keys of a ledger. One that was only found, and comes from an older release, has neither history nor seal. */
export function keyBook(db: Database, clock: Clock): KeyBook {
  const all = db.prepare('SELECT id, key_id AS keyId, state, since, reason FROM keys ORDER BY since, id')
  const keys = (): LedgerKey[] => all.all() as LedgerKey[]
  const seal = (): LedgerSeal | undefined => (isKnown(db) ? sealIn(db) : undefined)
  const changes = (): KeyChange[] => (isKnown(db) ? changesIn(db) : [])
  const rows = (ledger: string): KeyRows => ({ ledger, keys: keys(), changes: changes(), receipts: receiptsIn(db) })
  const sign = (key: Uint8Array, ledger: string): void => void db.prepare('UPDATE ledger_key SET mac = ?').run(macOf(key, rows(ledger)))

  /** The rows of the seal that `key` was opened from, authentic: within a transaction nobody changes them. */
  const authentic = (key: Uint8Array): LedgerSeal => {
    const found = seal()
    if (found === undefined) throw rotationError('ERR_LEDGER_ALTERED', "the ledger's own key is gone from it")
    // whoever opened the key compared it already: it is not an edited row that is met here
    if (!Buffer.from(found.check).equals(checkOf(key)))
      throw rotationError('ERR_LEDGER_BUSY', 'another process has given the ledger a new key of its own')
    assertAuthentic(key, rows(found.ledger), found.mac)
    return found
  }
  return {
    all: keys,
    changes,
    seal,
    receipt: (keyId) => (isKnown(db) ? receiptsIn(db).find((receipt) => receipt.keyId === keyId)?.document : undefined),
    check: (roles) => checkKeys(keys(), roles),
    install: (key, made) =>
      db.transaction(() => {
        if (seal() !== undefined) return false
        const insert = 'INSERT INTO ledger_key (one, ledger, names, sealed, key_check, mac) VALUES (1, ?, ?, ?, ?, ?)'
        db.prepare(insert).run(made.ledger, JSON.stringify(made.names), made.sealed, checkOf(key), macOf(key, rows(made.ledger)))
        return true
      }).immediate(),
    verify: (key) => db.transaction(() => void authentic(key))(),
    change: (key, work) =>
      db.transaction(() => {
        const { ledger } = authentic(key)
        const result = work(draft(db, clock))
        sign(key, ledger)
        return result
      }).immediate(),
    rehearse: (work) => {
      const undone = db.transaction(() => {
        work(draft(db, clock))
        throw UNDONE
      })
      try {
        undone.immediate()
      } catch (error) {
        if (error !== UNDONE) throw error
      }
    },
    reseal: (was, { names, sealed }) => {
      const update = 'UPDATE ledger_key SET names = ?, sealed = ? WHERE sealed = ?'
      return db.prepare(update).run(JSON.stringify(names), sealed, was).changes === 1
    },
    renew: (key, next, { names, sealed }) =>
      db.transaction(() => {
        const { ledger } = authentic(key)
        db.prepare('UPDATE ledger_key SET names = ?, sealed = ?, key_check = ?').run(JSON.stringify(names), sealed, checkOf(next))
        sign(next, ledger)
      }).immediate(),
  }
}

/** What rolls a rehearsal back. */
const UNDONE = new Error('undone')

function isKnown(db: Database): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'ledger_key'").get() !== undefined
}

interface SealRow extends Omit<LedgerSeal, 'names'> {
  readonly names: string
}

function sealIn(db: Database): LedgerSeal | undefined {
  const row = db.prepare('SELECT ledger, names, sealed, key_check AS "check", mac FROM ledger_key').get() as SealRow | undefined
  return row === undefined ? undefined : { ...row, names: namesIn(row.names) }
}

/** What somebody else wrote there opens nothing. */
function namesIn(text: string): string[] {
  try {
    const names = JSON.parse(text) as unknown
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  } catch {
    // not JSON
  }
  throw rotationError('ERR_LEDGER_ALTERED', "what belongs to the ledger's own key is not what was written there")
}

function changesIn(db: Database): KeyChange[] {
  return db.prepare('SELECT n, id, was, state, at, who AS by, cause, reason FROM key_changes ORDER BY n').all() as KeyChange[]
}

function receiptsIn(db: Database): KeyRows['receipts'] {
  return db.prepare('SELECT key_id AS keyId, document FROM key_receipts ORDER BY key_id').all() as Array<{ keyId: string; document: string }>
}

/** The changes of one transaction, all of one moment. */
function draft(db: Database, clock: Clock): KeyDraft {
  const clockNow = clock()
  const latest = latestTime(db)
  const now = latest > clockNow ? latest : clockNow
  const past = (id: string): KeyChange[] => changesIn(db).filter((change) => change.id === id)
  const note = (id: string, was: KeyState | null, state: KeyState, cause: KeyCause, { by, reason }: Who): void => {
    const insert = 'INSERT INTO key_changes (id, was, state, at, who, cause, reason) VALUES (?, ?, ?, ?, ?, ?, ?)'
    db.prepare(insert).run(id, was, state, now, by, cause, reason)
  }
  return {
    now,
    assertClock: () => assertClock(clockNow, latest),
    keys: () => db.prepare('SELECT id, key_id AS keyId, state, since, reason FROM keys ORDER BY since, id').all() as LedgerKey[],
    past,
    add: ({ id, keyId }, state, who) => {
      assertLegal(id, [], state, 'config')
      db.prepare('INSERT INTO keys (id, key_id, state, since, reason) VALUES (?, ?, ?, ?, ?)').run(id, keyId, state, now, who.reason)
      note(id, null, state, 'config', who)
    },
    move: (id, state, cause, who) => {
      const before = past(id)
      assertLegal(id, before, state, cause)
      db.prepare('UPDATE keys SET state = ?, since = ?, reason = ? WHERE id = ?').run(state, now, who.reason, id)
      note(id, before.at(-1)!.state, state, cause, who)
    },
    rotatedAfterCompromise: (target) =>
      db.prepare("SELECT 1 FROM rotations WHERE reason = 'compromise' AND target = ?").get(target) !== undefined,
    putReceipt: (keyId, document) => {
      db.prepare('INSERT OR REPLACE INTO key_receipts (key_id, document) VALUES (?, ?)').run(keyId, document)
    },
  }
}

/** The latest time that the ledger has seen, or ''. The note of a rotation is not authenticated, so it must look like a time. */
function latestTime(db: Database): string {
  const seen = `SELECT max(at) AS at FROM (SELECT at FROM key_changes UNION ALL
    SELECT updated_at FROM rotations WHERE updated_at GLOB '2[0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:*Z')`
  return (db.prepare(seen).get() as { at: string | null }).at ?? ''
}

/** Clocks of two machines that share a ledger differ a little. */
const CLOCK_TOLERANCE_MS = 60_000

/**
 * Refuses to date what a waiting time is counted from while the clock is behind the ledger: a key disabled then would have been so for years once
 * the clock is right again.
 */
function assertClock(now: string, latest: string): void {
  if (latest === '' || Date.parse(latest) - Date.parse(now) <= CLOCK_TOLERANCE_MS) return
  throw rotationError('ERR_CLOCK', `the clock says ${now}, and the ledger has seen ${latest}`)
}

/** ERR_KEY_MISMATCH for a key that is known otherwise, ERR_KEY_DISABLED for one that is to seal and is out of service. */
export function checkKeys(known: readonly LedgerKey[], { active, recovery = [], decryptOnly }: KeyRoles): void {
  for (const key of [active, ...recovery, ...decryptOnly]) checkIdentity(known, key)
  for (const { id } of [active, ...recovery]) {
    const state = known.find((key) => key.id === id)?.state
    if (state === 'disabled' || state === 'destroyed') throw rotationError('ERR_KEY_DISABLED', `${id} is to be the active key, and is ${state}`)
  }
}

function checkIdentity(known: readonly LedgerKey[], { id, keyId }: NamedKey): void {
  for (const key of known) {
    if (key.id === id && key.keyId !== keyId) throw new KeyfoldError('ERR_KEY_MISMATCH', `${id} is not the key that the ledger has under this name`)
    if (key.id !== id && key.keyId === keyId) {
      throw new KeyfoldError('ERR_KEY_MISMATCH', `${id} is the key that the ledger has under the name ${key.id}`)
    }
  }
}
