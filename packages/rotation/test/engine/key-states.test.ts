import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { createKeyring } from '@keyfold/core'
import type { Keyring, KeyState, KeyWrapper } from '@keyfold/core'
import { temporaryFolder } from '@keyfold/test-support'
import { describe, expect, test } from 'vitest'
import {
  compromiseKey, destroyKey, enableKey, findLedger, LEGAL_CHANGES, listKeys, openLedger, plan, retire, rotate, status, verify,
} from '../../src/index.ts'
import type { KeyCause, Ledger } from '../../src/index.ts'
import { KeyStates } from '../../src/key-states.ts'
import type { Bench } from './fixtures.ts'
import { bench, codeOf, names, refusalOf } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const stateOf = (ledger: Ledger, id: string): string | undefined => ledger.keys.all().find((key) => key.id === id)?.state

function store(): MemoryStore {
  return new MemoryStore('app.db', ['email']).fill('email', names(8))
}

/** Sealed under q3, then rotated to q4. */
async function rotated(): Promise<Bench & { readonly stores: MemoryStore[] }> {
  const b = await bench()
  const stores = [store()]
  await rotate({ stores, keyring: b.keyring('q3'), ledger: b.ledger, by: 'ana' })
  await rotate({ stores, keyring: b.keyring('q4', 'q3'), ledger: b.ledger, by: 'ben' })
  return { ...b, stores }
}

/** Runs SQL in a ledger's file behind its back. */
function edit({ folder }: Bench, sql: string): void {
  const db = new Sqlite(join(folder, 'ledger.db'))
  db.pragma('foreign_keys = OFF')
  db.exec(sql)
  db.close()
}

describe('the states of keys', () => {
  test('every change is remembered: what, when, who and why', async () => {
    const { ledger, stores, keyring } = await rotated()
    await retire({ stores, keyring: keyring('q4', 'q3'), ledger, key: 'key-file:q3', by: 'cleo' })
    const { history, keys } = await listKeys({ ledger, keyring: keyring('q4') })
    expect(history.map(({ id, was, state, by, cause, reason }) => [id, was, state, by, cause, reason])).toEqual([
      ['key-file:q3', null, 'active', 'ana', 'config', 'found in the configuration'],
      ['key-file:q4', null, 'active', 'ben', 'config', 'found in the configuration'],
      ['key-file:q3', 'active', 'decrypt-only', 'ben', 'config', 'replaced by key-file:q4'],
      ['key-file:q3', 'decrypt-only', 'disabled', 'cleo', 'retire', 'retired: no record of 8 needs it'],
    ])
    expect(keys.find(({ id }) => id === 'key-file:q3')).toMatchObject({ state: 'disabled', since: history.at(-1)!.at })
    expect(history.map(({ at }) => at)).toEqual(history.map(({ at }) => at).sort())
  })

  test('the user of the operating system is named where nobody is', async () => {
    const b = await bench()
    await rotate({ stores: [store()], keyring: b.keyring('q3'), ledger: b.ledger })
    expect(b.ledger.keys.changes()[0]?.by).toMatch(/^\S+/)
    expect(await refusalOf(rotate({ stores: [store()], keyring: b.keyring('q3'), ledger: b.ledger, by: 'two\nlines' }))).toMatchInlineSnapshot(`
      "ERR_ARGUMENT: by is one line of 1 to 200 characters
      Correct the call; the docstring of the function names the shape and unit of each argument."
    `)
  })

  test('a key is listed before it is active, and may then become so: it is pre-active', async () => {
    const b = await bench()
    const stores = [store()]
    await rotate({ stores, keyring: b.keyring('q3', 'q4'), ledger: b.ledger })
    expect(stateOf(b.ledger, 'key-file:q4')).toBe('pre-active')
    expect((await status({ stores, keyring: b.keyring('q3', 'q4'), ledger: b.ledger })).keys[1]).toMatchObject({ state: 'pre-active' })
    expect(await rotate({ stores, keyring: b.keyring('q4', 'q3'), ledger: b.ledger })).toMatchObject({ outcome: 'done', rewrapped: 8 })
    expect(stateOf(b.ledger, 'key-file:q4')).toBe('active')
  })

  test('a key that records are under when it is first listed was in use: it is decrypt-only', async () => {
    const b = await bench()
    const stores = [store()]
    await rotate({ stores, keyring: b.keyring('q3'), ledger: b.ledger })
    const other = await openLedger(join(b.folder, 'other.db'))
    const report = await rotate({ stores, keyring: b.keyring('q4', 'q3'), ledger: other })
    expect([report.ledger, stateOf(other, 'key-file:q3')]).toEqual(['new', 'decrypt-only'])
    expect(await rotate({ stores, keyring: b.keyring('q4', 'q3'), ledger: other })).toMatchObject({ ledger: 'known' })
  })

  test('the configuration does not make a decrypt-only key active again, and the error names what does', async () => {
    const { ledger, stores, keyring } = await rotated()
    const before = ledger.keys.changes()
    const { batches } = stores[0]!
    const error = await rotate({ stores, keyring: keyring('q3', 'q4'), ledger }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_KEY_STATE', hint: expect.stringContaining('kms-rotate rollback') as string })
    expect([ledger.keys.changes(), stores[0]!.batches]).toEqual([before, batches])
  })

  test('a compromised key opens, never seals again, and stays compromised when it is taken back after its retirement', async () => {
    const { ledger, stores, keyring } = await rotated()
    const who = { ledger, keyring: keyring('q4', 'q3'), reason: 'INC-7', by: 'ana' }
    await compromiseKey({ ...who, key: 'key-file:q4' })
    expect(await refusalOf(rotate({ stores, keyring: keyring('q4', 'q3'), ledger }))).toMatchInlineSnapshot(`
      "ERR_KEY_STATE: key-file:q4 is compromised, and the configuration cannot make it active
      Whoever has this key reads what it seals. Make a new key and set it as keyring.active."
    `)
    const next = keyring('q5', 'q4', 'q3')
    expect(await rotate({ stores, keyring: next, ledger, reason: 'compromise' })).toMatchObject({ outcome: 'done', reencrypted: 8 })
    expect(stateOf(ledger, 'key-file:q4')).toBe('compromised')
    expect(await retire({ stores, keyring: next, ledger, key: 'key-file:q4' })).toMatchObject({ outcome: 'retired' })
    expect(await enableKey({ ...who, keyring: next, key: 'key-file:q4' })).toMatchObject({ was: 'disabled', state: 'compromised' })
    expect(await refusalOf(compromiseKey({ ...who, keyring: next, key: 'key-file:q4' }))).toMatchInlineSnapshot(`
      "ERR_KEY_STATE: key-file:q4 is compromised, and \`keys compromise\` cannot make it compromised
      Whoever has this key reads what it seals. Make a new key and set it as keyring.active."
    `)
    expect(await refusalOf(compromiseKey({ ...who, keyring: next, key: 'key-file:q9' }))).toMatchInlineSnapshot(`
      "ERR_KEY_UNKNOWN: there is no such key; did you mean key-file:q3?
      Name a key of the configuration or of the ledger by its id, such as \`key-file:2026q3\`; \`kms-rotate keys list\`
      shows them."
    `)
  })

  test('a disabled key is taken back to decrypt-only, by name and reason alone', async () => {
    const { ledger, stores, keyring } = await rotated()
    const who = { ledger, keyring: keyring('q4'), key: 'key-file:q3', by: 'ana' }
    expect(await refusalOf(enableKey({ ...who, reason: 'too early' }))).toMatchInlineSnapshot(`
      "ERR_KEY_STATE: key-file:q3 is decrypt-only, and \`keys enable\` cannot make it decrypt-only
      docs/rotation.md lists the states of a key and what moves it from one to the other. Nothing was changed."
    `)
    await retire({ stores, keyring: keyring('q4', 'q3'), ledger, key: 'key-file:q3' })
    expect(await refusalOf(enableKey({ ...who, reason: ' ' }))).toMatchInlineSnapshot(`
      "ERR_ARGUMENT: reason is one line of 1 to 200 characters
      Correct the call; the docstring of the function names the shape and unit of each argument."
    `)
    expect(await enableKey({ ...who, reason: 'an old backup' })).toMatchObject({ state: 'decrypt-only', reason: 'an old backup' })
  })

  test('each change that the table does not have is refused, whatever asks for it', async () => {
    const states: readonly KeyState[] = ['pre-active', 'active', 'decrypt-only', 'disabled', 'compromised', 'destroyed']
    const causes: readonly KeyCause[] = ['config', 'retire', 'enable', 'compromise', 'rollback', 'destroy']
    const b = await bench()
    const open = await KeyStates.open(b.ledger, b.keyring('q3'))
    const ways: Readonly<Record<KeyState, ReadonlyArray<readonly [KeyState, KeyCause]>>> = {
      'pre-active': [],
      'active': [['active', 'config']],
      'decrypt-only': [['active', 'config'], ['decrypt-only', 'config']],
      'disabled': [['disabled', 'retire']],
      'compromised': [['compromised', 'compromise']],
      'destroyed': [['disabled', 'retire'], ['destroyed', 'destroy']],
    }
    const allowed: string[] = []
    for (const from of states) {
      for (const to of states) {
        for (const cause of causes) {
          try {
            open.change((draft) => {
              draft.add({ id: 'key-file:x', keyId: 'f'.repeat(24) }, 'pre-active', { by: 'ana', reason: 'test' })
              for (const [state, how] of ways[from]) draft.move('key-file:x', state, how, { by: 'ana', reason: 'test' })
              draft.move('key-file:x', to, cause, { by: 'ana', reason: 'test' })
              throw new Error('undone')
            })
          } catch (error) {
            if ((error as Error).message === 'undone') allowed.push(`${from} -> ${to} by ${cause}`)
            else expect(error).toMatchObject({ code: 'ERR_KEY_STATE' })
          }
        }
      }
    }
    expect(allowed).toEqual([
      'pre-active -> active by config',
      'pre-active -> disabled by retire',
      'pre-active -> compromised by compromise',
      'active -> decrypt-only by config',
      'active -> decrypt-only by rollback',
      'active -> compromised by compromise',
      'decrypt-only -> active by rollback',
      'decrypt-only -> disabled by retire',
      'decrypt-only -> compromised by compromise',
      'disabled -> decrypt-only by enable',
      'disabled -> compromised by enable',
      'disabled -> compromised by compromise',
      'disabled -> destroyed by destroy',
      'compromised -> disabled by retire',
    ])
    expect([LEGAL_CHANGES.destroyed, b.ledger.keys.all()]).toEqual([{}, []])
  })

  test('a key that seals beside the active one is active too, and may take its place', async () => {
    const b = await bench()
    const stores = [store()]
    const keys = (active: string, recovery: string): Keyring<KeyWrapper> =>
      createKeyring<KeyWrapper>({ active: b.keyring(active).active, recovery: [b.keyring(recovery).active] })
    await rotate({ stores, keyring: keys('q3', 'r'), ledger: b.ledger })
    expect(stateOf(b.ledger, 'key-file:r')).toBe('active')
    expect(await rotate({ stores, keyring: keys('r', 'q3'), ledger: b.ledger })).toMatchObject({ outcome: 'done' })
    expect(await rotate({ stores, keyring: b.keyring('r', 'q3'), ledger: b.ledger })).toMatchObject({ outcome: 'done' })
    expect(stateOf(b.ledger, 'key-file:q3')).toBe('decrypt-only')
  })
})

describe('the ledger is authenticated', () => {
  test.each([
    ['a state', "UPDATE keys SET state = 'decrypt-only' WHERE id = 'key-file:q3'"],
    ['a time', "UPDATE keys SET since = '2020-01-01T00:00:00.000Z' WHERE id = 'key-file:q3'"],
    ['the history', "UPDATE key_changes SET at = '2020-01-01T00:00:00.000Z' WHERE state = 'disabled'"],
    ['who did it', "UPDATE key_changes SET who = 'mallory' WHERE n = 1"],
    ['a change taken out', "DELETE FROM key_changes WHERE state = 'disabled'"],
    ['a change put in', "INSERT INTO key_changes VALUES (99, 'key-file:q3', 'disabled', 'active', '2026-01-01', 'eve', 'rollback', 'x')"],
    ['a key put in', "INSERT INTO keys VALUES ('key-file:evil', '0123456789abcdef01234567', 'active', '2026-01-01', 'x')"],
    ['a key taken out', "DELETE FROM keys WHERE id = 'key-file:q3'"],
    ['a receipt put in', "INSERT INTO key_receipts VALUES ('0123456789abcdef01234567', '{}')"],
    ['the MAC itself', 'UPDATE ledger_key SET mac = zeroblob(32)'],
    ['what tells its key', 'UPDATE ledger_key SET key_check = zeroblob(16)'],
    ['the name of the ledger', "UPDATE ledger_key SET ledger = 'another'"],
    ['its key cut', 'UPDATE ledger_key SET sealed = substr(sealed, 1, 60)'],
    ['its key changed', 'UPDATE ledger_key SET sealed = CAST(substr(sealed, 1, length(sealed) - 16) || zeroblob(16) AS BLOB)'],
    ['its key taken out', 'DELETE FROM ledger_key'],
    ['a text that is none', "UPDATE key_changes SET reason = CAST(x'eda080' AS TEXT) WHERE n = 1"],
  ])('an edited row is noticed by all that relies on states: %s', async (_, sql) => {
    const b = await rotated()
    const { ledger, stores, keyring } = b
    const keys = keyring('q4', 'q3')
    await retire({ stores, keyring: keys, ledger, key: 'key-file:q3' })
    edit(b, sql)
    const { batches } = stores[0]!
    const called = { stores, keyring: keys, ledger }
    const codes = [
      await codeOf(rotate(called)),
      await codeOf(retire({ ...called, key: 'key-file:q3' })),
      await codeOf(status(called)),
      await codeOf(listKeys({ ledger, keyring: keys })),
      await codeOf(plan(called)),
      await codeOf(verify(called)),
      await codeOf(destroyKey({ ...called, key: 'key-file:q3', confirm: 'key-file:q3', coolOffDays: 0 })),
      await codeOf(enableKey({ ...called, key: 'key-file:q3', reason: 'x' })),
    ]
    expect(codes).toEqual(codes.map(() => 'ERR_LEDGER_ALTERED'))
    expect(stores[0]!.batches).toBe(batches)
  })

  test('a key that is said to be disabled, though the ledger hangs on it, was never disabled', async () => {
    const b = await rotated()
    edit(b, "UPDATE keys SET state = 'disabled' WHERE id = 'key-file:q4'")
    // as the command does: what is out of service is not loaded
    expect(await refusalOf(status({ stores: b.stores, keyring: b.keyring('q5', 'q3'), ledger: b.ledger }))).toMatchInlineSnapshot(`
      "ERR_LEDGER_ALTERED: the ledger says that key-file:q4 is disabled, and its own key is under that one
      Not kms-rotate wrote there. Restore it from a backup, and find out who did; or move it away: a new one starts
      from the configuration."
    `)
  })

  test('the seal of another ledger does not fit this one', async () => {
    const [one, other] = [await rotated(), await bench()]
    await rotate({ stores: [store()], keyring: one.keyring('q4'), ledger: other.ledger })
    const { sealed, mac } = other.ledger.keys.seal()!
    edit(one, `UPDATE ledger_key SET sealed = x'${Buffer.from(sealed).toString('hex')}', mac = x'${Buffer.from(mac).toString('hex')}'`)
    expect(await refusalOf(status({ stores: one.stores, keyring: one.keyring('q4'), ledger: one.ledger }))).toMatchInlineSnapshot(`
      "ERR_LEDGER_ALTERED: the ledger's own key does not open: it was replaced, or taken from another ledger
      Not kms-rotate wrote there. Restore it from a backup, and find out who did; or move it away: a new one starts
      from the configuration."
    `)
  })

  test('an older copy of the whole file passes, as the documentation says', async () => {
    const b = await rotated()
    copyFileSync(join(b.folder, 'ledger.db'), join(b.folder, 'old.db'))
    await retire({ stores: b.stores, keyring: b.keyring('q4', 'q3'), ledger: b.ledger, key: 'key-file:q3' })
    b.ledger.close()
    writeFileSync(join(b.folder, 'ledger.db'), readFileSync(join(b.folder, 'old.db')))
    const again = await openLedger(join(b.folder, 'ledger.db'))
    expect(await status({ stores: b.stores, keyring: b.keyring('q4', 'q3'), ledger: again })).toMatchObject({ ledgerKey: { verified: true } })
  })

  test('its own key is moved with the first step of a run, blocks the retirement of the key that it is under, and stands in the status', async () => {
    const b = await bench()
    const stores = [store()]
    await rotate({ stores, keyring: b.keyring('q3'), ledger: b.ledger })
    const empty = { stores: [new MemoryStore('empty.db', ['email'])], keyring: b.keyring('q4', 'q3'), ledger: b.ledger }
    expect((await status(empty)).ledgerKey).toEqual({ keys: ['key-file:q3'], verified: true, problem: null })
    expect(await retire({ ...empty, key: 'key-file:q3' })).toMatchObject({ outcome: 'needed', needed: [], ledgerKey: true })
    const first = stores[0]!
    let under: boolean | undefined
    first.onWrite = () => (under ??= Buffer.from(b.ledger.keys.seal()!.sealed).includes(Buffer.from(b.keyring('q4').active.keyId)))
    await rotate({ ...empty, stores })
    expect(under).toBe(true)
    expect((await status(empty)).ledgerKey?.keys).toEqual(['key-file:q4'])
    expect(await retire({ ...empty, stores, key: 'key-file:q3' })).toMatchObject({ outcome: 'retired', ledgerKey: false })
  })

  test('a compromise run makes another ledger key: who has the exposed one makes no MAC with it', async () => {
    const b = await rotated()
    const old = b.ledger.keys.seal()!
    await rotate({ stores: b.stores, keyring: b.keyring('q5', 'q4', 'q3'), ledger: b.ledger, reason: 'compromise' })
    const now = b.ledger.keys.seal()!
    expect(now.ledger).toBe(old.ledger)
    edit(b, `UPDATE ledger_key SET sealed = x'${Buffer.from(old.sealed).toString('hex')}'`)
    expect(await refusalOf(status({ stores: b.stores, keyring: b.keyring('q5', 'q4'), ledger: b.ledger }))).toMatchInlineSnapshot(`
      "ERR_LEDGER_ALTERED: the ledger's own key does not open: it was replaced, or taken from another ledger
      Not kms-rotate wrote there. Restore it from a backup, and find out who did; or move it away: a new one starts
      from the configuration."
    `)
  })

  test('a process that still has the key from before a compromise run is told to start again, not that somebody edited the ledger', async () => {
    const b = await rotated()
    const stale = await KeyStates.open(b.ledger, b.keyring('q4', 'q3'))
    await rotate({ stores: b.stores, keyring: b.keyring('q5', 'q4', 'q3'), ledger: b.ledger, reason: 'compromise' })
    const move = (): void => stale.move('key-file:q3', 'disabled', 'retire', { by: 'ana', reason: 'x' })
    expect(move).toThrow(expect.objectContaining({ code: 'ERR_LEDGER_BUSY' }))
    expect(stateOf(b.ledger, 'key-file:q3')).toBe('decrypt-only')
  })

  test('where its key is lost a run says so and what to do; the states are then shown unverified, never trusted', async () => {
    const b = await rotated()
    const lost = { stores: b.stores, keyring: b.keyring('q5', 'q3'), ledger: b.ledger }
    const error = await rotate(lost).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_LEDGER_KEY', hint: expect.stringContaining('move the ledger away') as string })
    expect((error as Error).message).toContain('key-file:q4')
    expect((await status(lost)).ledgerKey).toEqual({ keys: ['key-file:q4'], verified: false, problem: 'ERR_LEDGER_KEY' })
    expect((await listKeys({ ledger: b.ledger })).ledgerKey).toEqual({ keys: ['key-file:q4'], verified: false, problem: 'ERR_LEDGER_KEY' })
    expect((await verify(lost)).ledgerKey).toEqual({ keys: ['key-file:q4'], verified: false, problem: 'ERR_LEDGER_KEY' })
    // a plan says what a run would do, which is to refuse
    expect(await refusalOf(plan(lost))).toMatchInlineSnapshot(`
      "ERR_LEDGER_KEY: the ledger's own key is under key-file:q4, which the keyring does not hold
      Add the key that is named to keyring.decryptOnly, and run again. If it is lost, move the ledger away: a new
      one starts from the configuration."
    `)
  })

  test('two processes at once make one ledger key, and both go on with it', async () => {
    const b = await bench()
    const second = await openLedger(join(b.folder, 'ledger.db'))
    const states = await Promise.all([KeyStates.open(b.ledger, b.keyring('q3')), KeyStates.open(second, b.keyring('q3'))])
    for (const [i, each] of states.entries()) {
      each.register({ active: { id: 'key-file:q3', keyId: 'a'.repeat(24) }, decryptOnly: [] }, () => false, `process ${i}`)
    }
    expect(second.keys.changes()).toMatchObject([{ by: 'process 0', state: 'active' }])
  })
})

describe('a ledger of an older release', () => {
  async function older(): Promise<Bench & { readonly stores: MemoryStore[] }> {
    const b = await bench()
    const stores = [store()]
    await rotate({ stores, keyring: b.keyring('q3'), ledger: b.ledger })
    await rotate({ stores, keyring: b.keyring('q4', 'q3', 'q5'), ledger: b.ledger })
    b.ledger.close()
    edit(b, `DROP TABLE key_changes; DROP TABLE ledger_key; DROP TABLE key_receipts;
      UPDATE keys SET state = 'decrypt-only' WHERE id = 'key-file:q5';
      UPDATE keys SET since = '2026-01-02T00:00:00.001Z' WHERE id = 'key-file:q4';
      UPDATE keys SET since = '2026-01-02T00:00:00.000Z' WHERE id = 'key-file:q3';
      DELETE FROM migrations WHERE version > 4; PRAGMA user_version = 4`)
    return { ...b, stores }
  }

  test('is read as it is, and gets its history and its MAC with the first run', async () => {
    const b = await older()
    const path = join(b.folder, 'ledger.db')
    const found = (await findLedger(path))!
    expect(await status({ stores: b.stores, keyring: b.keyring('q4', 'q3'), ledger: found })).toMatchObject({ ledgerKey: null })
    expect((await listKeys({ ledger: found })).ledgerKey).toBeNull()
    found.close()
    const ledger = await openLedger(path)
    const report = await rotate({ stores: b.stores, keyring: b.keyring('q4', 'q3', 'q5'), ledger })
    expect(report).toMatchObject({ outcome: 'done', ledger: 'adopted' })
    expect(ledger.keys.changes().map(({ id, state, by, cause }) => [id, state, by, cause]).slice(0, 3)).toEqual([
      ['key-file:q4', 'active', null, 'migration'],
      ['key-file:q3', 'decrypt-only', null, 'migration'],
      ['key-file:q5', 'decrypt-only', null, 'migration'],
    ])
    // that release called a key decrypt-only which was merely listed ahead of its time
    expect(stateOf(ledger, 'key-file:q5')).toBe('pre-active')
    expect(await rotate({ stores: b.stores, keyring: b.keyring('q5', 'q4', 'q3'), ledger })).toMatchObject({ outcome: 'done', ledger: 'known' })
  })
})

test('a ledger that is lost stops nobody: a new one says that it is one, and starts from the configuration', async () => {
  const b = await rotated()
  await retire({ stores: b.stores, keyring: b.keyring('q4', 'q3'), ledger: b.ledger, key: 'key-file:q3' })
  const fresh = await openLedger(join(temporaryFolder(), 'new.db'))
  expect(await rotate({ stores: b.stores, keyring: b.keyring('q4', 'q3'), ledger: fresh })).toMatchObject({ ledger: 'new', outcome: 'done' })
  expect(fresh.keys.all().map(({ id, state }) => `${id} ${state}`)).toEqual(['key-file:q3 pre-active', 'key-file:q4 active'])
  expect(await retire({ stores: b.stores, keyring: b.keyring('q4', 'q3'), ledger: fresh, key: 'key-file:q3' })).toMatchObject({ outcome: 'retired' })
})
