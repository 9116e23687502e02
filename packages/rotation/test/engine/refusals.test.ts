/** What is refused has changed nothing: neither a record, nor what the ledger knows of keys and rotations, nor its own key. */
import { join } from 'node:path'
import type { Keyring, KeyWrapper } from '@keyfold/core'
import { createKeyring, KeyfoldError } from '@keyfold/core'
import Sqlite from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { openLedger, pause, plan, retire, rollback, rotate } from '../../src/index.ts'
import type { RotateOptions } from '../../src/index.ts'
import type { Bench } from './fixtures.ts'
import { bench, codeOf, names } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

/** Every row of a ledger, but for the lease: who looks has to take it. */
function rowsOf({ folder }: Bench): Record<string, unknown[]> {
  const db = new Sqlite(join(folder, 'ledger.db'), { readonly: true })
  try {
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'leases'").pluck().all() as string[]
    return Object.fromEntries(tables.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).all()]))
  } finally {
    db.close()
  }
}

interface Scene extends Bench {
  readonly store: MemoryStore
  readonly stores: MemoryStore[]
}

/** Half of the way from q3 to q4, for whatever reason. */
async function cut(reason: 'rotation' | 'compromise' = 'rotation'): Promise<Scene> {
  const base = await bench()
  const store = new MemoryStore('app.db', ['email']).fill('email', names(12))
  await rotate({ stores: [store], keyring: base.keyring('q3'), ledger: base.ledger })
  const stop = new AbortController()
  const half = { stores: [store], keyring: base.keyring('q4', 'q3'), ledger: base.ledger, reason, batch: 4 }
  await rotate({ ...half, signal: stop.signal, onProgress: () => stop.abort() })
  return { ...base, store, stores: [store] }
}

/** The code of a refusal that changed nothing. */
async function refusal(scene: Scene, call: (options: RotateOptions) => Promise<unknown>): Promise<string | undefined> {
  const { store, stores, ledger, keyring } = scene
  const before = { rows: rowsOf(scene), batches: store.batches }
  const code = await codeOf(call({ stores, ledger, keyring: keyring('q5', 'q4', 'q3') }))
  expect({ rows: rowsOf(scene), batches: store.batches }).toEqual(before)
  return code
}

/** A key whose service does not wrap for this caller. */
function denying(keyring: Keyring, ...older: KeyWrapper[]): Keyring<KeyWrapper> {
  const { id, keyId } = keyring.active
  const wrap = async (): Promise<never> => {
    throw new KeyfoldError('ERR_KEY_DENIED', 'no permission')
  }
  return createKeyring<KeyWrapper>({ active: { id, keyId, wrap, unwrap: wrap }, decryptOnly: older })
}

describe('a run that is refused leaves ledger and records as they were', () => {
  test('its rotation is paused, and the configuration has a newer key by now', async () => {
    const scene = await cut()
    pause({ ledger: scene.ledger })
    expect(await refusal(scene, rotate)).toBe('ERR_ROTATION_PAUSED')
  })

  test('it is to remove the encryption, and a compromise run is unfinished', async () => {
    expect(await refusal(await cut('compromise'), (options) => rotate({ ...options, mode: 'unseal' }))).toBe('ERR_ROTATION_COMPROMISE')
  })

  test('its plan was made with other keys, or for another reason', async () => {
    const scene = await cut()
    const { stores, keyring, ledger } = scene
    const made = await plan({ stores, keyring: keyring('q4', 'q3'), ledger })
    expect(await refusal(scene, (options) => rotate({ ...options, plan: made }))).toBe('ERR_PLAN_STALE')
    const worse = await plan({ stores, keyring: keyring('q5', 'q4', 'q3'), ledger, reason: 'compromise' })
    expect(await refusal(scene, (options) => rotate({ ...options, plan: worse, reason: 'rotation' }))).toBe('ERR_PLAN_STALE')
  })

  test('another run holds the lease', async () => {
    const scene = await cut()
    const other = await openLedger(join(scene.folder, 'ledger.db'))
    other.leases.acquire()
    expect(await refusal(scene, rotate)).toBe('ERR_LEASE_HELD')
    other.close()
  })

  test('its store cannot put plaintext back', async () => {
    const scene = await cut()
    Object.assign(scene.store, { unseal: undefined })
    expect(await refusal(scene, (options) => rotate({ ...options, mode: 'unseal' }))).toBe('ERR_STORE_UNSUITED')
  })

  test('its active key was replaced before', async () => {
    const scene = await cut()
    expect(await refusal(scene, (options) => rotate({ ...options, keyring: scene.keyring('q3', 'q4') }))).toBe('ERR_KEY_STATE')
  })

  test('the service of its new key does not wrap the ledger’s own key for it', async () => {
    const scene = await cut()
    const { keyring } = scene
    // no record waits, so that the ledger's key is all that there is to wrap
    const call = { stores: [new MemoryStore('empty.db', ['email'])], keyring: denying(keyring('q5'), keyring('q4').active, keyring('q3').active) }
    expect(await refusal(scene, (options) => rotate({ ...options, ...call }))).toBe('ERR_KEY_DENIED')
    expect(await refusal(scene, (options) => rotate({ ...options, ...call, reason: 'compromise' }))).toBe('ERR_KEY_DENIED')
  })

  test('there is nothing that it could reverse: an empty ledger gets no key of its own', async () => {
    const base = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(2))
    const scene = { ...base, store, stores: [store] }
    expect(await refusal(scene, (options) => rollback({ ...options, why: 'none' }))).toBe('ERR_ROLLBACK_REFUSED')
  })

  test('a ledger of an older release is not adopted by a configuration that it refuses', async () => {
    const scene = await cut()
    scene.ledger.close()
    const db = new Sqlite(join(scene.folder, 'ledger.db'))
    db.exec("DELETE FROM ledger_key; UPDATE key_changes SET cause = 'migration'")
    db.close()
    const older = { ...scene, ledger: await openLedger(join(scene.folder, 'ledger.db')) }
    expect(await refusal(older, (options) => rotate({ ...options, keyring: scene.keyring('q3', 'q4') }))).toBe('ERR_KEY_STATE')
    expect(await rotate({ stores: older.stores, keyring: scene.keyring('q4', 'q3'), ledger: older.ledger })).toMatchObject({ ledger: 'adopted' })
  })

  test('retire is asked for a key that nobody knows', async () => {
    const scene = await cut()
    const { ledger } = scene
    expect(await refusal(scene, ({ stores, keyring }) => retire({ stores, keyring, ledger, key: 'key-file:q9' }))).toBe('ERR_KEY_UNKNOWN')
  })
})
