import type { BranchKeys, BranchKeyStore, Keyring, KeyWrapper } from '@keyfold/core'
import { createBranchKeys, inspect, listBranchKeys, memoryBranchKeyStore, openTextSync } from '@keyfold/core'
import { rotate } from '../../src/index.ts'
import type { Bench } from './fixtures.ts'
import { bench, names } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

export const BY_TABLE = { by: 'table' } as const

export interface Branched extends Bench {
  readonly store: MemoryStore
  readonly keyStore: BranchKeyStore
  readonly branched: (keyring: Keyring, partition?: string | { by: string }) => BranchKeys
}

/** A store of plaintext, and an empty store of branch keys. */
export async function fresh(count = 20): Promise<Branched> {
  const base = await bench()
  const keyStore = memoryBranchKeyStore()
  return {
    ...base,
    store: new MemoryStore('app.db', ['email', 'phone']).fill('email', names(count)).fill('phone', [...names(count), null]),
    keyStore,
    branched: (keyring, partition = BY_TABLE) => createBranchKeys({ keyring, store: keyStore, partition }),
  }
}

/** The same, sealed under branch keys under q3. */
export async function sealed(count = 20): Promise<Branched> {
  const base = await fresh(count)
  await rotate({ stores: [base.store], keyring: base.branched(base.keyring('q3')), ledger: base.ledger })
  return base
}

export async function openedUnder(store: MemoryStore, keys: BranchKeys, column = 'email'): Promise<(string | null)[]> {
  await keys.unlock(['customers'])
  return Array.from(store.cells.get(column)!, ([id, value]) => (value === null ? null : openTextSync(keys, value, store.context(column, id))))
}

export function keyIds(store: MemoryStore, column = 'email'): Set<string> {
  return new Set(Array.from(store.cells.get(column)!.values(), (value) => inspect(value!).keyId))
}

export function bodies(store: MemoryStore): string[] {
  return Array.from(store.cells.get('email')!.values(), (cell) => Buffer.from(cell!.subarray(-40)).toString('hex'))
}

export async function versions({ keyStore }: Branched): Promise<string[]> {
  const found: string[] = []
  for await (const { partition, version, state } of listBranchKeys(keyStore)) found.push(`${partition} v${version} ${state}`)
  return found.sort()
}

/** A key as a key service holds it, which counts the calls. */
export function remote({ id, keyId, wrap, unwrap }: KeyWrapper): { calls: { count: number }; wrapper: KeyWrapper } {
  const calls = { count: 0 }
  const counted = <A extends unknown[], R>(call: (...args: A) => R) => (...args: A) => {
    calls.count++
    return call(...args)
  }
  return { calls, wrapper: { id, keyId, wrap: counted(wrap), unwrap: counted(unwrap) } }
}
