import { describe, expect, test } from 'vitest'
import type { BranchKeyStore, StoredBranchKey } from '../../src/index.ts'
import { testBranchKeyStore } from '../../src/testing.ts'
import { failuresOf } from './cases.ts'

/** The smallest store that keeps every promise. */
class Store implements BranchKeyStore {
  readonly name: string = 'memory'
  readonly keys: StoredBranchKey[] = []

  versions(partition: string): StoredBranchKey[] {
    return this.sorted().filter((key) => key.partition === partition)
  }

  find(keyId: Uint8Array): StoredBranchKey | undefined {
    return this.sorted().find((key) => hex(key.keyId) === hex(keyId))
  }

  insert(key: StoredBranchKey): boolean {
    if (this.keys.some((other) => this.clash(other, key))) return false
    this.keys.push(this.copy(key))
    return true
  }

  replace(key: StoredBranchKey, sealed: Uint8Array | null): boolean {
    const at = this.keys.findIndex((other) => hex(other.keyId) === hex(key.keyId))
    if (at < 0 || !this.matches(this.keys[at]!, key)) return false
    this.keys[at] = this.copy({ ...this.keys[at]!, sealed })
    return true
  }

  list({ after, limit }: { after?: Uint8Array; limit: number }): StoredBranchKey[] {
    const from = after === undefined ? '' : hex(after)
    return this.keys
      .map((key) => this.copy(key))
      .sort((a, b) => (hex(a.keyId) < hex(b.keyId) ? -1 : 1))
      .filter((key) => hex(key.keyId) > from)
      .slice(0, limit)
  }

  protected sorted(): StoredBranchKey[] {
    return this.keys.map((key) => this.copy(key)).sort((a, b) => a.version - b.version)
  }

  protected clash(one: StoredBranchKey, other: StoredBranchKey): boolean {
    return hex(one.keyId) === hex(other.keyId) || (one.partition === other.partition && one.version === other.version)
  }

  protected matches({ sealed }: StoredBranchKey, expected: StoredBranchKey): boolean {
    return sealed !== null && expected.sealed !== null && hex(sealed) === hex(expected.sealed)
  }

  protected copy(key: StoredBranchKey): StoredBranchKey {
    return { ...key, keyId: Uint8Array.from(key.keyId), sealed: key.sealed === null ? null : Uint8Array.from(key.sealed) }
  }
}

describe('a store that keeps every promise', () => testBranchKeyStore({ test, store: () => new Store() }))

const broken: ReadonlyArray<[fault: string, store: () => BranchKeyStore, noticed: RegExp]> = [
  [
    'has no name',
    () =>
      new (class extends Store {
        override readonly name = ''
      })(),
    /is empty/,
  ],
  ['is not empty', () => filled(new Store()), /is empty/],
  [
    'takes partitions for one',
    () =>
      new (class extends Store {
        override versions = () => this.sorted()
      })(),
    /byte for byte/,
  ],
  [
    'folds case',
    () =>
      new (class extends Store {
        override versions = (p: string) => this.sorted().filter((k) => k.partition.toLowerCase() === p.toLowerCase())
      })(),
    /byte for byte/,
  ],
  [
    'sorts versions as text',
    () =>
      new (class extends Store {
        override sorted = () => this.keys.map((k) => this.copy(k)).sort((a, b) => (`${a.version}` < `${b.version}` ? -1 : 1))
      })(),
    /oldest first/,
  ],
  [
    'takes a version twice',
    () =>
      new (class extends Store {
        override clash = (a: StoredBranchKey, b: StoredBranchKey) => hex(a.keyId) === hex(b.keyId)
      })(),
    /not inserted again/,
  ],
  [
    'takes a key id twice',
    () =>
      new (class extends Store {
        override clash = (a: StoredBranchKey, b: StoredBranchKey) => a.partition === b.partition && a.version === b.version
      })(),
    /not inserted again/,
  ],
  [
    'lets all racers win',
    () =>
      new (class extends Store {
        override insert = (k: StoredBranchKey) => super.insert(k) || true
      })(),
    /one wins/,
  ],
  [
    'replaces without looking',
    () =>
      new (class extends Store {
        override matches = () => true
      })(),
    /only if it is still/,
  ],
  [
    'forgets destroyed keys',
    () =>
      new (class extends Store {
        override sorted = () => this.keys.filter((k) => k.sealed !== null)
      })(),
    /stays known/,
  ],
  [
    'keeps destroyed bytes',
    () =>
      new (class extends Store {
        override replace = (k: StoredBranchKey, s: Uint8Array | null) => super.replace(k, s ?? k.sealed)
      })(),
    /stays known/,
  ],
  [
    'brings destroyed keys back',
    () =>
      new (class extends Store {
        override matches = (a: StoredBranchKey, b: StoredBranchKey) => a.sealed === null || super.matches(a, b)
      })(),
    /stays known/,
  ],
  [
    'lists without order',
    () =>
      new (class extends Store {
        override list = ({ limit }: { limit: number }) => this.sorted().slice(0, limit)
      })(),
    /pages/,
  ],
  [
    'lists too much',
    () =>
      new (class extends Store {
        override list = () => super.list({ limit: 1e9 })
      })(),
    /pages/,
  ],
  [
    'keeps the caller’s buffers',
    () =>
      new (class extends Store {
        override copy = (k: StoredBranchKey) => k
      })(),
    /buffer/,
  ],
]

test.each(broken)('the kit notices a store that %s', async (_, store, noticed) => {
  const failures = await failuresOf((declare) => testBranchKeyStore({ test: declare, store }), noticed)
  expect(Object.keys(failures)).toContainEqual(expect.stringMatching(noticed))
})

test('the kit notices a store whose second view sees nothing', async () => {
  const kit = { store: () => new Store(), reopen: () => new Store() }
  const failures = await failuresOf((declare) => testBranchKeyStore({ test: declare, ...kit }))
  expect(Object.keys(failures).length).toBeGreaterThan(3)
})

function filled(store: Store): Store {
  store.insert({ partition: 'a', version: 1, keyId: new Uint8Array(12), createdAt: 0, sealed: new Uint8Array(1) })
  return store
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
