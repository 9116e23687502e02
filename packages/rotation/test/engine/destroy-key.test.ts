import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyring, KeyfoldError, seal } from '@keyfold/core'
import type { KeyUsage, UsageKeyWrapper } from '@keyfold/core'
import { destroyKeyFile, isKeyFileOf } from '@keyfold/core/key-file'
import { describe, expect, test } from 'vitest'
import { destroyKey, enableKey, openLedger, retire, rotate } from '../../src/index.ts'
import type { DestroyKeyOptions, KeyMaterial } from '../../src/index.ts'
import { KeyStates } from '../../src/key-states.ts'
import type { Bench } from './fixtures.ts'
import { bench, names, refusalOf } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const key = 'key-file:q3'

interface Stage extends Bench {
  readonly store: MemoryStore
  readonly time: { now: string }
  readonly file: string
  readonly material: KeyMaterial
  readonly call: DestroyKeyOptions
}

/** q3 was retired on 1 March, after a rotation to q4; a test sets the clock. */
async function retired(): Promise<Stage> {
  const base = await bench()
  const time = { now: '2026-02-01T00:00:00.000Z' }
  const ledger = await openLedger(join(base.folder, 'timed.db'), () => time.now)
  const store = new MemoryStore('app.db', ['email']).fill('email', [...names(4), null])
  const stores = [store]
  await rotate({ stores, keyring: base.keyring('q3'), ledger })
  await rotate({ stores, keyring: base.keyring('q4', 'q3'), ledger })
  time.now = '2026-03-01T00:00:00.000Z'
  expect(await retire({ stores, keyring: base.keyring('q4', 'q3'), ledger, key })).toMatchObject({ outcome: 'retired' })
  time.now = '2026-04-01T00:00:00.000Z'
  const file = join(base.folder, 'q3.key')
  const material = { place: file, check: (id: Uint8Array) => isKeyFileOf(file, id), destroy: (id: Uint8Array) => destroyKeyFile(file, id) }
  const call = { stores, keyring: base.keyring('q4'), ledger, key, confirm: key, by: 'ana' }
  return { ...base, ledger, store, time, file, material, call }
}

const stateOf = ({ ledger }: Bench): string | undefined => ledger.keys.all().find(({ id }) => id === key)?.state

/** The wrapper of a key service that tells what a test says. */
const telling = ({ keyring }: Bench, lastUsage: () => Promise<KeyUsage[]>): UsageKeyWrapper => ({ ...keyring('q3').active, lastUsage })

describe('destroying a key', () => {
  test('removes its file, and leaves a receipt in the ledger that says on what grounds', async () => {
    const s = await retired()
    const report = await destroyKey({ ...s.call, material: s.material, reason: 'end of its life' })
    expect(report).toMatchObject({ outcome: 'destroyed', problem: null })
    expect(report.receipt).toMatchObject({
      key,
      by: 'ana',
      reason: 'end of its life',
      disabledAt: '2026-03-01T00:00:00.000Z',
      destroyedAt: '2026-04-01T00:00:00.000Z',
      coolOffDays: 30,
      census: { columns: 1, records: 4, underThisKey: 0 },
      backups: 0,
      escrows: [],
      material: { outcome: 'destroyed', place: s.file },
    })
    expect([existsSync(s.file), stateOf(s)]).toEqual([false, 'destroyed'])
    s.ledger.close()
    const again = await openLedger(join(s.folder, 'timed.db'), () => s.time.now)
    expect(await destroyKey({ ...s.call, ledger: again })).toMatchObject({ outcome: 'already-destroyed', receipt: report.receipt })
    expect(await refusalOf(enableKey({ ledger: again, keyring: s.keyring('q4'), key, reason: 'no' }))).toMatchInlineSnapshot(`
      "ERR_KEY_STATE: key-file:q3 is destroyed, and \`keys enable\` cannot make it decrypt-only
      docs/rotation.md lists the states of a key and what moves it from one to the other. Nothing was changed."
    `)
    expect(await retire({ stores: [s.store], keyring: s.keyring('q4'), ledger: again, key })).toMatchObject({ outcome: 'already-retired' })
  })

  test('takes a confirmation, a key that is disabled, and the end of the cool-off', async () => {
    const s = await retired()
    expect(await refusalOf(destroyKey({ ...s.call, material: s.material, confirm: 'key-file:q4' }))).toMatchInlineSnapshot(`
      "ERR_ARGUMENT: destroying a key has to be confirmed: the id of the key once more
      Nothing was done."
    `)
    expect(await refusalOf(destroyKey({ ...s.call, key: 'key-file:q9', confirm: 'key-file:q9' }))).toMatchInlineSnapshot(`
      "ERR_KEY_UNKNOWN: there is no such key; did you mean key-file:q4?
      Name a key of the configuration or of the ledger by its id, such as \`key-file:2026q3\`; \`kms-rotate keys list\`
      shows them."
    `)
    expect(await refusalOf(destroyKey({ ...s.call, key: 'key-file:q4', confirm: 'key-file:q4' }))).toMatchInlineSnapshot(`
      "ERR_KEY_STATE: key-file:q4 is active, and only a disabled key is destroyed
      Nothing was done. \`kms-rotate retire KEY-ID\` disables a key that nothing needs; after the cool-off it can be
      destroyed."
    `)
    s.time.now = '2026-03-30T23:59:59.999Z'
    const early = await destroyKey({ ...s.call, material: s.material }).catch((error: unknown) => error)
    expect(early).toMatchObject({ code: 'ERR_COOL_OFF', message: expect.stringContaining('2026-03-31T00:00:00.000Z') as string })
    expect(await refusalOf(destroyKey({ ...s.call, coolOffDays: 4000 }))).toMatchInlineSnapshot(`
      "ERR_ARGUMENT: a cool-off has 0 to 3650 days
      Correct the call; the docstring of the function names the shape and unit of each argument."
    `)
    expect([existsSync(s.file), stateOf(s)]).toEqual([true, 'disabled'])
    s.time.now = '2026-03-31T00:00:00.000Z'
    expect(await destroyKey({ ...s.call, material: s.material })).toMatchObject({ outcome: 'destroyed' })
  })

  test('the cool-off begins anew when the key was taken back and retired again', async () => {
    const s = await retired()
    await enableKey({ ledger: s.ledger, keyring: s.keyring('q4'), key, reason: 'an old backup' })
    await retire({ stores: [s.store], keyring: s.keyring('q4', 'q3'), ledger: s.ledger, key })
    expect(await refusalOf(destroyKey(s.call))).toMatchInlineSnapshot(`
      "ERR_COOL_OFF: key-file:q3 was disabled at <time>; its cool-off of 30 days ends at <time>
      Until then it can be taken back: \`kms-rotate keys enable KEY-ID\`. policy.coolOffDays in the configuration says
      how long that is."
    `)
  })

  test('a clock that jumped back neither dates a retirement nor ends a cool-off', async () => {
    const s = await retired()
    await enableKey({ ledger: s.ledger, keyring: s.keyring('q4'), key, reason: 'an old backup' })
    const again = { stores: [s.store], keyring: s.keyring('q4', 'q3'), ledger: s.ledger, key }
    s.time.now = '2020-01-01T00:00:00.000Z'
    expect(await refusalOf(retire(again))).toMatchInlineSnapshot(`
      "ERR_CLOCK: the clock says <time>, and the ledger has seen <time>
      Set the clock of this machine right, and try again. If it was wrong before and is right now, the ledger holds
      a time to come: move it away."
    `)
    expect(stateOf(s)).toBe('decrypt-only')
    s.time.now = '2026-04-02T00:00:00.000Z'
    await retire(again)
    s.time.now = '2020-01-01T00:00:00.000Z'
    expect(await refusalOf(destroyKey({ ...s.call, coolOffDays: 0 }))).toMatchInlineSnapshot(`
      "ERR_CLOCK: the clock says <time>, and the ledger has seen <time>
      Set the clock of this machine right, and try again. If it was wrong before and is right now, the ledger holds
      a time to come: move it away."
    `)
  })

  test('is refused while a record claims the key: a database was replaced by an older copy', async () => {
    const s = await retired()
    s.store.put('email', 5, await seal(s.keyring('q3'), 'from a backup', s.store.context('email', 5)))
    const report = await destroyKey({ ...s.call, material: s.material })
    expect(report).toMatchObject({ outcome: 'needed', receipt: null, references: { needed: [{ store: 'app.db', column: 'email', records: 1 }] } })
    expect([existsSync(s.file), stateOf(s)]).toEqual([true, 'disabled'])
  })

  test('another key in the place that was named is left alone, and nothing is recorded', async () => {
    const s = await retired()
    const wrong = join(s.folder, 'q4.key')
    const material = { place: wrong, check: (id: Uint8Array) => isKeyFileOf(wrong, id), destroy: (id: Uint8Array) => destroyKeyFile(wrong, id) }
    expect(await refusalOf(destroyKey({ ...s.call, material }))).toMatchInlineSnapshot(`
      "ERR_KEY_MISMATCH: <folder>/q4.key holds another key than the one that is to be removed
      Nothing was removed. Name the file of that very key."
    `)
    expect([existsSync(wrong), stateOf(s)]).toEqual([true, 'disabled'])
  })

  test('without a word of where it is, the key itself stays, and the receipt says so; said later, it goes', async () => {
    const s = await retired()
    const kept = await destroyKey(s.call)
    expect(kept).toMatchObject({ outcome: 'destroyed', receipt: { material: { outcome: 'kept', place: null } } })
    expect(kept.receipt?.conditions[0]).toBe('the key itself is destroyed, wherever it is kept')
    expect(existsSync(s.file)).toBe(true)
    const gone = await destroyKey({ ...s.call, material: s.material })
    expect(gone).toMatchObject({ outcome: 'destroyed', receipt: { destroyedAt: kept.receipt!.destroyedAt, material: { outcome: 'destroyed' } } })
    expect(existsSync(s.file)).toBe(false)
  })

  test('a key file that is gone already is said to have been absent', async () => {
    const s = await retired()
    destroyKeyFile(s.file, s.keyring('q3').active.keyId)
    expect(await destroyKey({ ...s.call, material: s.material })).toMatchObject({ receipt: { material: { outcome: 'absent' } } })
  })

  test('cut between the record and the removal, or with a file that cannot be removed, the same call goes on', async () => {
    const s = await retired()
    const failing = { ...s.material, destroy: () => { throw new KeyfoldError('ERR_KEY_FILE_ACCESS', 'mounted read-only') } }
    expect(await destroyKey({ ...s.call, material: failing })).toMatchObject({ outcome: 'unfinished', problem: 'ERR_KEY_FILE_ACCESS' })
    expect(stateOf(s)).toBe('destroyed')
    expect(await destroyKey(s.call)).toMatchObject({ outcome: 'unfinished', receipt: { material: { outcome: 'pending' } } })
    // and where the kill came after the removal, before the ledger was told
    const killed = { ...s.material, destroy: (id: Uint8Array) => { destroyKeyFile(s.file, id); throw new Error('killed') } }
    await expect(destroyKey({ ...s.call, material: killed })).rejects.toThrow('killed')
    const done = await destroyKey({ ...s.call, material: s.material })
    expect(done).toMatchObject({ outcome: 'destroyed', receipt: { material: { outcome: 'destroyed' } } })
  })

  test('that nothing is in another place says nothing about the one in which removing it began', async () => {
    const s = await retired()
    const failing = { ...s.material, destroy: () => { throw new KeyfoldError('ERR_KEY_FILE_ACCESS', 'mounted read-only') } }
    await destroyKey({ ...s.call, material: failing })
    const elsewhere = { ...s.material, place: '/srv/other/q3.key', check: () => false, destroy: () => false }
    const report = await destroyKey({ ...s.call, material: elsewhere })
    expect(report).toMatchObject({ outcome: 'unfinished', receipt: { material: { outcome: 'pending', place: s.file } } })
    expect(existsSync(s.file)).toBe(true)
    expect(await destroyKey({ ...s.call, material: s.material })).toMatchObject({ receipt: { material: { outcome: 'destroyed', place: s.file } } })
  })

  test('sealed values in columns that nobody registered may need it: refused, unless somebody knows better', async () => {
    const s = await retired()
    const elsewhere = { table: 'notes', column: 'body', records: 2, holds: 'records' } as const
    const store = Object.assign(s.store, { unregistered: () => ({ found: [elsewhere], rows: 7, gaps: [] }) })
    const call = { ...s.call, stores: [store], material: s.material }
    const refused = await destroyKey(call)
    expect(refused).toMatchObject({ outcome: 'needed', unregistered: [{ store: 'app.db', table: 'notes', column: 'body', records: 2 }] })
    expect([existsSync(s.file), stateOf(s)]).toEqual([true, 'disabled'])
    expect(await destroyKey({ ...call, evenUnregistered: true })).toMatchObject({ outcome: 'destroyed' })
  })

  test('the ledger names the escrows that are left', async () => {
    const s = await retired()
    const keyId = Buffer.from(s.keyring('q3').active.keyId).toString('hex')
    s.ledger.escrows.confirm({ id: key, keyId, place: '/mnt/q3.key', wrappedUnder: null, confirmedBy: 'flag' })
    s.ledger.escrows.confirm({ id: key, keyId, place: '/mnt/q3.envelope', wrappedUnder: 'key-file:r', confirmedBy: 'flag' })
    const { receipt } = await destroyKey({ ...s.call, material: s.material })
    expect(receipt?.conditions).toContain('the escrow /mnt/q3.key is destroyed')
    expect(receipt?.conditions).toContain('the escrow /mnt/q3.envelope is destroyed, or key-file:r is')
  })

  test('two processes that destroy it at once leave one receipt', async () => {
    const s = await retired()
    const other = await openLedger(join(s.folder, 'timed.db'), () => s.time.now)
    const slow: KeyMaterial = {
      ...s.material,
      check: async (id) => {
        expect(await refusalOf(destroyKey({ ...s.call, ledger: other, by: 'ben', material: s.material }))).toMatchInlineSnapshot(`
          "ERR_LEASE_HELD: another run is under way: process <pid> on <host>, since <time>, last heard of at <time>
          Wait for it to end. One that was killed on this machine is in nobody’s way; one elsewhere is not after two
          minutes without a sign of life."
        `)
        return s.material.check(id)
      },
    }
    expect(await destroyKey({ ...s.call, by: 'ann', material: slow })).toMatchObject({ outcome: 'destroyed' })
    expect(await destroyKey({ ...s.call, ledger: other })).toMatchObject({ outcome: 'already-destroyed', receipt: { by: 'ann' } })
  })
})

describe('what the key service says of the last use', () => {
  const use = (usedAt: string | null): KeyUsage => ({ place: 'eu-central-1', usedAt, operation: 'Decrypt', trackedSince: '2025-01-01T00:00:00.000Z' })

  test('a use since the key was disabled refuses, one from before does not', async () => {
    const s = await retired()
    const late = telling(s, async () => [use(null), use('2026-03-20T00:00:00.000Z')])
    expect(await destroyKey({ ...s.call, wrapper: late })).toMatchObject({ outcome: 'needed', usedSince: [{ usedAt: '2026-03-20T00:00:00.000Z' }] })
    expect(stateOf(s)).toBe('disabled')
    const before = telling(s, async () => [use('2026-03-01T00:10:00.000Z')])
    const { receipt } = await destroyKey({ ...s.call, wrapper: before })
    expect(receipt).toMatchObject({ lastUsage: [{ usedAt: '2026-03-01T00:10:00.000Z' }], usageProblem: null })
  })

  test('a service that does not tell is no reason to keep the key, and the receipt says that it did not', async () => {
    const s = await retired()
    const silent = telling(s, async () => { throw new KeyfoldError('ERR_KEY_DENIED', 'no permission') })
    const { receipt } = await destroyKey({ ...s.call, wrapper: silent })
    expect(receipt).toMatchObject({ lastUsage: null, usageProblem: 'ERR_KEY_DENIED' })
  })
})

describe('retire', () => {
  test('a record that appears while the key is disabled brings it back, and is counted', async () => {
    const s = await retired()
    await enableKey({ ledger: s.ledger, keyring: s.keyring('q4'), key, reason: 'once more' })
    const late = await seal(createKeyring({ active: s.keyring('q3').active }), 'late', s.store.context('email', 5))
    s.store.onRead = () => s.store.put('email', 5, late)
    const call = { stores: [s.store], keyring: s.keyring('q4', 'q3'), ledger: s.ledger, key, by: 'cleo' }
    expect(await retire(call)).toMatchObject({ outcome: 'needed', needed: [{ records: 1 }] })
    expect(s.ledger.keys.changes().slice(-2)).toMatchObject([
      { was: 'decrypt-only', state: 'disabled', cause: 'retire' },
      { was: 'disabled', state: 'decrypt-only', cause: 'enable', by: 'cleo' },
    ])
  })

  test('killed between the change and the count after it, the next call finishes the count and brings the key back', async () => {
    const s = await retired()
    s.store.put('email', 5, await seal(s.keyring('q3'), 'late', s.store.context('email', 5)))
    const call = { stores: [s.store], keyring: s.keyring('q4'), ledger: s.ledger, key }
    expect(await retire(call)).toMatchObject({ outcome: 'needed', needed: [{ records: 1 }] })
    expect(stateOf(s)).toBe('decrypt-only')
    const states = await KeyStates.open(s.ledger, s.keyring('q4'))
    expect(states.past(key).at(-1)).toMatchObject({ reason: 'something under it appeared' })
  })
})
