import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyring } from '@keyfold/core'
import { insecureRawKey } from '@keyfold/core/raw-key'
import Sqlite from 'better-sqlite3'
import { temporaryFolder } from '@keyfold/test-support'
import { describe, expect, test } from 'vitest'
import { openLedger, rotate } from '../../src/index.ts'
import type { Ledger } from '../../src/index.ts'
import { KeyStates } from '../../src/key-states.ts'
import type { KeyRoles } from '../../src/ledger/types.ts'
import { findLedger } from '../../src/ledger/open.ts'
import { migrate, SCHEMA_VERSION } from '../../src/ledger/schema.ts'
import { checkRuntime } from '../../src/sqlite-driver.ts'
import { bench, codeOf, names, refusalOf } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

/** Any keyring: what the ledger's own key is under. */
const ring = createKeyring({ active: insecureRawKey('raw', Uint8Array.from({ length: 32 }, (_, i) => i)) })
const register = async (ledger: Ledger, given: KeyRoles): Promise<void> => (await KeyStates.open(ledger, ring)).register(given, () => false, 'ana')

const place = { store: 'app.db', table: 'customers', column: 'email' }
const roles = { active: { id: 'key-file:q3', keyId: 'a'.repeat(24) }, decryptOnly: [] }
const counts = { sealed: 10, rewrapped: 0, reencrypted: 0, unsealed: 0 }

describe('a ledger', () => {
  test('keeps what it was told when it is opened again, and only its owner can read it', async () => {
    const path = join(temporaryFolder(), 'ledger.db')
    const ledger = await openLedger(path)
    await register(ledger, roles)
    const { id } = ledger.rotations.begin('rotation', 'key-file:q3')
    ledger.rotations.save(id, place, { position: '17', swept: false, ...counts })
    ledger.scrubs.require('app.db')
    ledger.close()
    const again = await openLedger(path)
    expect(again.keys.all()).toMatchObject([{ id: 'key-file:q3', state: 'active' }])
    expect(again.rotations.unfinished()).toMatchObject({ id, target: 'key-file:q3' })
    expect(again.rotations.checkpoint(id, place)).toMatchObject({ position: '17', sealed: 10 })
    expect(again.scrubs.pending()).toEqual(['app.db'])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    again.close()
  })

  test('keeps which escrows were confirmed; a second confirmation replaces the first', async () => {
    const path = join(temporaryFolder(), 'ledger.db')
    const escrow = { id: 'keychain:payroll/q4', keyId: 'a'.repeat(24), place: '/mnt/a.key', wrappedUnder: null, confirmedBy: 'prompt' } as const
    let now = '2026-11-01T00:00:00.000Z'
    const ledger = await openLedger(path, () => now)
    ledger.escrows.confirm(escrow)
    now = '2026-11-02T00:00:00.000Z'
    ledger.escrows.confirm({ ...escrow, place: '/mnt/b.envelope', wrappedUnder: 'key-file:recovery', confirmedBy: 'flag' })
    now = '2026-11-03T00:00:00.000Z'
    ledger.escrows.confirm({ ...escrow, confirmedBy: 'flag' })
    ledger.close()
    const again = (await findLedger(path))!
    expect(again.escrows.all()).toEqual([
      { ...escrow, place: '/mnt/b.envelope', wrappedUnder: 'key-file:recovery', confirmedBy: 'flag', confirmedAt: '2026-11-02T00:00:00.000Z' },
      { ...escrow, confirmedBy: 'flag', confirmedAt: '2026-11-03T00:00:00.000Z' },
    ])
    again.close()
  })

  test('of every older version is read as it is, and brought up to date by who writes to it', async () => {
    for (let version = 1; version < SCHEMA_VERSION; version++) {
      const path = join(temporaryFolder(), 'ledger.db')
      const db = new Sqlite(path)
      migrate(db, new Date(), version)
      const key = db.prepare("INSERT INTO keys (id, key_id, state, since, reason) VALUES ('key-file:q3', ?, 'active', '', '')")
      key.run('a'.repeat(24))
      db.prepare("INSERT INTO rotations (reason, target, started_at, updated_at) VALUES ('rotation', 'key-file:q3', '', '')").run()
      if (version < 4) db.prepare("INSERT INTO checkpoints VALUES (1, 'app.db', 'customers', 'email', '17', 0, 10, 0, 0)").run()
      db.close()
      const before = readFileSync(path)
      const found = (await findLedger(path))!
      expect([found.escrows.all(), found.rotations.exposed(), found.quarantine.count()]).toEqual([[], new Set(), []])
      expect(found.rotations.unfinished()).toMatchObject({ id: 1, mode: 'move' })
      found.close()
      expect(readFileSync(path)).toEqual(before)
      const opened = await openLedger(path)
      if (version < 4) expect(opened.rotations.checkpoint(1, place)).toMatchObject({ position: '17', sealed: 10 })
      opened.escrows.confirm({ id: 'keychain:a/b', keyId: 'b'.repeat(24), place: '/a', wrappedUnder: null, confirmedBy: 'flag' })
      opened.rotations.begin('compromise', 'key-file:q3', { exposed: ['c'.repeat(24)] })
      expect(opened.rotations.exposed()).toEqual(new Set(['c'.repeat(24)]))
      expect([opened.escrows.all().length, opened.keys.all()]).toMatchObject([1, [{ id: 'key-file:q3', state: 'active' }]])
      opened.close()
    }
  })

  test('is not made by who only wants to read it', async () => {
    const path = join(temporaryFolder(), 'ledger.db')
    expect(await findLedger(path)).toBeUndefined()
    expect(() => statSync(path)).toThrow('ENOENT')
  })

  test('refuses another key under a registered name, and a registered key under another name', async () => {
    const ledger = await openLedger(join(temporaryFolder(), 'ledger.db'))
    await register(ledger, roles)
    const code = (id: string, keyId: string): Promise<string | undefined> => codeOf(register(ledger, { active: { id, keyId }, decryptOnly: [] }))
    expect(await code('key-file:q3', 'b'.repeat(24))).toBe('ERR_KEY_MISMATCH')
    expect(await code('key-file:other', 'a'.repeat(24))).toBe('ERR_KEY_MISMATCH')
    expect(ledger.keys.all()).toMatchObject([{ id: 'key-file:q3', keyId: 'a'.repeat(24) }])
  })

  test('an exchanged key file ends the run before a row is touched', async () => {
    const one = await bench()
    const other = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(3))
    const states = await KeyStates.open(one.ledger, other.keyring('q3'))
    states.register({ active: { id: 'key-file:q3', keyId: 'c'.repeat(24) }, decryptOnly: [] }, () => false, 'ana')
    expect(await refusalOf(rotate({ stores: [store], keyring: other.keyring('q3'), ledger: one.ledger }))).toMatchInlineSnapshot(`
      "ERR_KEY_MISMATCH: key-file:q3 is not the key that the ledger has under this name
      The key under this name is not the key that was registered under it. Restore the original key file, or give
      the new key a new name."
    `)
    expect(store.updates.size).toBe(0)
  })

  test('refuses what is no ledger, and leaves it as it was', async () => {
    const folder = temporaryFolder()
    const text = join(folder, 'notes.txt')
    writeFileSync(text, 'this is no database, it is a text of some length; '.repeat(100))
    const foreign = join(folder, 'app.db')
    new Sqlite(foreign).exec('CREATE TABLE customers (id INTEGER PRIMARY KEY); INSERT INTO customers VALUES (1)').close()
    for (const path of [text, foreign]) {
      const before = readFileSync(path)
      expect(await codeOf(openLedger(path))).toBe('ERR_LEDGER_INVALID')
      expect(readFileSync(path)).toEqual(before)
    }
  })

  test('refuses one of a newer release, and leaves it as it was', async () => {
    const path = join(temporaryFolder(), 'ledger.db')
    ;(await openLedger(path)).close()
    const db = new Sqlite(path)
    db.pragma('user_version = 99')
    db.close()
    const before = readFileSync(path)
    expect(await refusalOf(openLedger(path))).toMatchInlineSnapshot(`
      "ERR_LEDGER_VERSION: the ledger <folder>/ledger.db is of version 99, this release knows 5
      A newer release wrote this ledger. Update Keyfold; the file was left as it is."
    `)
    expect(readFileSync(path)).toEqual(before)
  })

  test('damaged at any page it is refused with a code, never with an untyped error', async () => {
    const path = join(temporaryFolder(), 'ledger.db')
    const ledger = await openLedger(path)
    await register(ledger, roles)
    ledger.close()
    const whole = readFileSync(path)
    for (let at = 0; at < whole.length; at += 512) {
      const damaged = Buffer.from(whole)
      damaged.fill(0xff, at, at + 512)
      writeFileSync(path, damaged)
      const code = await codeOf(openLedger(path).then((opened) => readAll(opened)))
      expect(code ?? 'ERR_LEDGER_none').toMatch(/^ERR_LEDGER_/)
    }
  })

  test('refuses a Node whose better-sqlite3 would end the process', () => {
    expect(() => checkRuntime({ napi: '9', node: '20.19.0' })).toThrow(expect.objectContaining({ code: 'ERR_RUNTIME' }))
    expect(() => checkRuntime({ napi: '10', node: '22.14.0' })).not.toThrow()
  })
})

function readAll(ledger: Awaited<ReturnType<typeof openLedger>>): void {
  try {
    ledger.keys.all()
    ledger.rotations.unfinished()
    ledger.scrubs.pending()
    ledger.escrows.all()
  } finally {
    ledger.close()
  }
}
