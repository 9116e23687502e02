import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import Sqlite from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { KeyStates } from '../../src/key-states.ts'
import { destroyKey, openLedger, retire, rotate } from '../../src/index.ts'
import type { Ledger } from '../../src/index.ts'
import { bench, codeOf, names, refusalOf } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'
import { startOf } from './proc.ts'

const place = { store: 'app.db', table: 'customers', column: 'email' }
const checkpoint = { position: '17', swept: false, sealed: 1, rewrapped: 0, reencrypted: 0, unsealed: 0 }

/** Two processes' views of one ledger, and a clock that both read. */
async function twoViews(): Promise<{ a: Ledger; b: Ledger; path: string; clock: { now: number } }> {
  const path = join(temporaryFolder(), 'ledger.db')
  const clock = { now: Date.UTC(2026, 10, 1) }
  const read = (): string => new Date(clock.now).toISOString()
  return { a: await openLedger(path, read), b: await openLedger(path, read), path, clock }
}

/** Makes the holder one that ran on another machine, which this one knows nothing of. */
function moveElsewhere(path: string): void {
  const db = new Sqlite(path)
  db.exec("UPDATE leases SET machine = 'elsewhere', process = 'another boot 4711', pid = 1")
  db.close()
}

describe('the lease of a ledger', () => {
  test('abuse 31: one holds it, the other is told who, and gets it once it is given back', async () => {
    const { a, b } = await twoViews()
    a.leases.acquire()
    expect(() => b.leases.acquire()).toThrow(`another run is under way: process ${process.pid} on `)
    expect(b.leases.holder()).toMatchObject({ pid: process.pid, alive: true })
    a.leases.release()
    expect(b.leases.holder()).toBeUndefined()
    b.leases.acquire()
    expect(b.leases.token()).toBe(2)
    b.close()
    a.close()
  })

  test('of a process that was killed on this machine is taken over at once', async () => {
    const { a, path } = await twoViews()
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
    await once(child, 'spawn')
    a.leases.acquire()
    const db = new Sqlite(path)
    const identity = (db.prepare('SELECT process FROM leases').get() as { process: string }).process
    // as if the child had taken it: same boot and namespace, its own number and start
    db.prepare('UPDATE leases SET pid = ?, process = ?').run(child.pid, identity.replace(/\d+$/, startOf(child.pid!)))
    const b = await openLedger(path)
    expect(() => b.leases.acquire()).toThrow(expect.objectContaining({ code: 'ERR_LEASE_HELD' }))
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(b.leases.holder()).toMatchObject({ alive: false })
    b.leases.acquire()
    expect(b.leases.holder()).toMatchObject({ pid: process.pid, alive: true })
    b.close()
    db.close()
    a.close()
  })

  test('of a number that another process has by now is taken over at once', async () => {
    const { a, b, path } = await twoViews()
    a.leases.acquire()
    const db = new Sqlite(path)
    const { process: identity } = db.prepare('SELECT process FROM leases').get() as { process: string }
    db.prepare('UPDATE leases SET process = ?').run(identity.replace(/\d+$/, '1'))
    db.close()
    b.leases.acquire()
    expect(b.leases.token()).toBe(2)
    b.close()
    a.close()
  })

  test('of another machine is held for two minutes without a sign of life, however wrong a clock is', async () => {
    const { a, b, path, clock } = await twoViews()
    a.leases.acquire()
    moveElsewhere(path)
    for (const minutes of [0, 1.9, -1.9]) {
      clock.now = Date.UTC(2026, 10, 1) + minutes * 60_000
      expect(() => b.leases.acquire()).toThrow(expect.objectContaining({ code: 'ERR_LEASE_HELD' }))
    }
    clock.now = Date.UTC(2026, 9, 1) // a month back: the holder would seem alive for all of it
    b.leases.acquire()
    expect(b.leases.token()).toBe(2)
    b.close()
    a.close()
  })

  test('once lost lets nothing of the slow holder into the ledger', async () => {
    const { a, b, path, clock } = await twoViews()
    a.leases.acquire()
    const roles = { active: { id: 'key-file:q3', keyId: 'a'.repeat(24) }, decryptOnly: [] }
    ;(await KeyStates.open(a, (await bench()).keyring('q3'))).register(roles, () => false, 'ana')
    const { id } = a.rotations.begin('rotation', 'key-file:q3')
    a.rotations.save(id, place, checkpoint)
    moveElsewhere(path)
    clock.now += 3 * 60_000
    b.leases.acquire()
    b.rotations.save(id, place, { ...checkpoint, position: '40' })
    const lost = expect.objectContaining({ code: 'ERR_LEASE_LOST' }) as Error
    expect(() => a.rotations.save(id, place, checkpoint)).toThrow(lost)
    expect(() => a.rotations.finish(id, 'done')).toThrow(lost)
    expect(() => a.rotations.begin('rotation', 'key-file:q3')).toThrow(lost)
    expect(() => a.quarantine.add(id, place, [{ record: 'rec:0', code: 'ERR_NOT_AUTHENTIC' }])).toThrow(lost)
    a.leases.release() // gives back nothing that is another's
    expect(b.rotations.checkpoint(id, place).position).toBe('40')
    expect([b.quarantine.count(), b.leases.holder()?.alive, b.rotations.unfinished()?.id]).toEqual([[], true, id])
    b.close()
    a.close()
  })
})

describe('rotate and the lease', () => {
  test('abuse 31: refuses while another run holds it, with no row changed', async () => {
    const { ledger, keyring, folder } = await bench()
    const other = await openLedger(join(folder, 'ledger.db'))
    other.leases.acquire()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(5))
    expect(await refusalOf(rotate({ stores: [store], keyring: keyring('q3'), ledger }))).toMatchInlineSnapshot(`
      "ERR_LEASE_HELD: another run is under way: process <pid> on <host>, since <time>, last heard of at <time>
      Wait for it to end. One that was killed on this machine is in nobody’s way; one elsewhere is not after two
      minutes without a sign of life."
    `)
    expect([store.batches, ledger.keys.all()]).toEqual([0, []])
    other.close()
    expect(await rotate({ stores: [store], keyring: keyring('q3'), ledger })).toMatchObject({ outcome: 'done', sealed: 5 })
  })

  test('abuse 31: a key is neither retired nor destroyed while a run holds it', async () => {
    const { ledger, keyring, folder } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(5))
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger })
    const other = await openLedger(join(folder, 'ledger.db'))
    other.leases.acquire()
    const options = { stores: [store], keyring: keyring('q4', 'q3'), ledger, key: 'key-file:q3' }
    expect(await refusalOf(retire(options))).toMatchInlineSnapshot(`
      "ERR_LEASE_HELD: another run is under way: process <pid> on <host>, since <time>, last heard of at <time>
      Wait for it to end. One that was killed on this machine is in nobody’s way; one elsewhere is not after two
      minutes without a sign of life."
    `)
    expect(await refusalOf(destroyKey({ ...options, confirm: 'key-file:q3' }))).toMatchInlineSnapshot(`
      "ERR_LEASE_HELD: another run is under way: process <pid> on <host>, since <time>, last heard of at <time>
      Wait for it to end. One that was killed on this machine is in nobody’s way; one elsewhere is not after two
      minutes without a sign of life."
    `)
    other.close()
    expect(await retire(options)).toMatchObject({ outcome: 'retired' })
    expect(ledger.leases.holder()).toBeUndefined()
  })

  test('gives it back however the run ends', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(5))
    store.onWrite = () => {
      throw new Error('the disk is gone')
    }
    expect(await codeOf(rotate({ stores: [store], keyring: keyring('q3'), ledger }))).toBe('untyped: Error: the disk is gone')
    expect(ledger.leases.holder()).toBeUndefined()
    store.onWrite = undefined
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    expect(ledger.leases.holder()).toBeUndefined()
  })

  test('a run whose lease was taken over stops with its rows right, and the other finishes', async () => {
    const { ledger, keyring, folder } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(40))
    const other = await openLedger(join(folder, 'ledger.db'))
    store.onWrite = () => {
      if (store.batches !== 1) return
      const db = new Sqlite(join(folder, 'ledger.db'))
      db.exec("UPDATE leases SET renewed_at = '2020-01-01T00:00:00.000Z', process = ''")
      db.close()
      other.leases.acquire()
    }
    expect(await refusalOf(rotate({ stores: [store], keyring: keyring('q3'), ledger, batch: 10, reason: 'compromise' }))).toMatchInlineSnapshot(`
      "ERR_LEASE_LOST: another run took the lease of this one over
      Nothing is lost: rows that this run wrote are right, and the other run goes on with the rest."
    `)
    other.leases.release()
    store.onWrite = undefined
    expect(await rotate({ stores: [store], keyring: keyring('q3'), ledger: other })).toMatchObject({ outcome: 'done', pending: 0 })
    other.close()
  })
})
