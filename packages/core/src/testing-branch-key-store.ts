/** The conformance kit of branch key stores: every promise of `BranchKeyStore`, as cases. */
import { toHex } from './bytes.ts'
import { KEY_ID_LENGTH } from './format.ts'
import type { TestFunction } from './testing-kit.ts'
import { claim, claimEqual, insecureBytes } from './testing-kit.ts'
import type { BranchKeyStore, StoredBranchKey } from './types.ts'

export interface BranchKeyStoreKit {
  /** The `test` of the test runner. */
  readonly test: TestFunction
  /** A new, empty store at each call. */
  readonly store: () => BranchKeyStore | Promise<BranchKeyStore>
  /** A second view of the same store, as another process has it. */
  readonly reopen?: (store: BranchKeyStore) => BranchKeyStore | Promise<BranchKeyStore>
}

const RACERS = 100
const ODD_NAMES = ['a', 'tenant/7', "O'Brien; --", 'ключ 🔑', ' ', '%00\\', '\u0001', '__proto__', 'constructor', 'x'.repeat(255), 'A']

/**
 * Declares the cases that every branch key store passes.
 *
 * @example testBranchKeyStore({ test, store: () => myStore(), reopen: (store) => myStore(store.name) })
 */
export function testBranchKeyStore({ test, store, reopen = (same) => same }: BranchKeyStoreKit): void {
  const onStore = (name: string, run: (fresh: BranchKeyStore) => Promise<void>): unknown =>
    test(`branch key store: ${name}`, async () => run(await store()))

  onStore('a new one is empty', async (fresh) => {
    claim(typeof fresh.name === 'string' && fresh.name !== '', 'it has no name')
    claim((await fresh.versions('a')).length === 0, 'it has versions')
    claim((await fresh.find(keyIdOf(1))) === undefined, 'it finds a key')
    claim((await fresh.list({ limit: 10 })).length === 0, 'it lists a key')
  })
  onStore('what is inserted is there, in every view, byte for byte', async (fresh) => {
    const keys = ODD_NAMES.map((partition, i) => branchKey(i, { partition }))
    for (const key of keys) claim(await fresh.insert(key), `a new key was refused (partition ${keys.indexOf(key)})`)
    for (const view of [fresh, await reopen(fresh)]) {
      for (const key of keys) {
        claimSame((await view.versions(key.partition))[0], key)
        claim((await view.versions(key.partition)).length === 1, 'partitions are mixed up')
        claimSame(await view.find(key.keyId), key)
      }
    }
  })
  onStore('the versions of a partition come oldest first', async (fresh) => {
    for (const version of [2, 10, 1, 3]) await fresh.insert(branchKey(version, { version }))
    const versions = (await fresh.versions('a')).map(({ version }) => version)
    claim(versions.join() === '1,2,3,10', `the versions come as ${versions.join()}`)
  })
  onStore('a version or key id that is there is not inserted again, and not changed', async (fresh) => {
    const key = branchKey(1)
    await fresh.insert(key)
    claim(!(await fresh.insert(branchKey(2))), 'a second key was taken as the same version')
    claim(!(await fresh.insert(branchKey(1, { version: 2 }))), 'a key id was taken twice')
    claim(!(await fresh.insert(branchKey(1, { partition: 'b' }))), 'a key id was taken twice, in two partitions')
    claimSame(await fresh.find(key.keyId), key)
    claim((await fresh.versions('a')).length === 1 && (await fresh.versions('b')).length === 0, 'a refused insert left something behind')
  })
  onStore(`of ${RACERS} that insert one version at once, one wins, and all see it`, async (fresh) => {
    const view = await reopen(fresh)
    const keys = Array.from({ length: RACERS }, (_, i) => branchKey(i))
    const won = await Promise.all(keys.map(async (key, i) => (i % 2 === 0 ? fresh : view).insert(key)))
    claim(won.filter(Boolean).length === 1, `${won.filter(Boolean).length} won`)
    for (const each of [fresh, view]) claimSame((await each.versions('a'))[0], keys[won.indexOf(true)]!)
  })
  onStore('a key is replaced only if it is still what was read', async (fresh) => {
    const key = branchKey(1)
    await fresh.insert(key)
    const newer = insecureBytes(150, 77)
    claim(!(await fresh.replace({ ...key, sealed: newer }, insecureBytes(150, 78))), 'a key was replaced that was not what was read')
    claimSame(await fresh.find(key.keyId), key)
    claim(await fresh.replace(key, newer), 'a key was not replaced that was what was read')
    claim(!(await fresh.replace(key, insecureBytes(150, 79))), 'a key was replaced twice from one reading')
    claimSame(await (await reopen(fresh)).find(key.keyId), { ...key, sealed: newer })
    claim(!(await fresh.replace(branchKey(2), newer)), 'a key was replaced that is not there')
  })
  onStore('of many that replace one key at once, one wins', async (fresh) => {
    const key = branchKey(1)
    await fresh.insert(key)
    const view = await reopen(fresh)
    const values = Array.from({ length: RACERS }, (_, i) => insecureBytes(140, i))
    const won = await Promise.all(values.map(async (value, i) => (i % 2 === 0 ? fresh : view).replace(key, value)))
    claim(won.filter(Boolean).length === 1, `${won.filter(Boolean).length} won`)
    claimSame(await view.find(key.keyId), { ...key, sealed: values[won.indexOf(true)]! })
  })
  onStore('a destroyed key stays known, without its bytes, and cannot come back', async (fresh) => {
    const key = branchKey(1)
    await fresh.insert(key)
    claim(await fresh.replace(key, null), 'a key was not destroyed')
    const gone = { ...key, sealed: null }
    const view = await reopen(fresh)
    for (const found of [await view.find(key.keyId), (await view.versions('a'))[0], (await view.list({ limit: 1 }))[0]])
      claimSame(found, gone)
    claim(!(await fresh.insert(key)), 'a destroyed key was inserted again')
    claim(!(await fresh.replace(gone, key.sealed)), 'a destroyed key was brought back')
    claim(!(await fresh.replace(key, insecureBytes(150, 80))), 'a destroyed key was replaced by one who read it before')
    claimSame(await fresh.find(key.keyId), gone)
  })
  onStore('listing in pages gives every key once, in the order of the key ids', async (fresh) => {
    const keys = Array.from({ length: 25 }, (_, i) => branchKey(i * 7919, { partition: `p${i % 5}`, version: 1 + Math.floor(i / 5) }))
    for (const key of keys) await fresh.insert(key)
    const expected = keys.map(({ keyId }) => toHex(keyId)).sort()
    for (const limit of [1, 7, 25, 26]) {
      const listed = await listAll(fresh, limit)
      claim(
        listed.join() === expected.join(),
        `pages of ${limit} give ${listed.length} keys instead of ${expected.length}, or in another order`,
      )
    }
  })
  onStore('what it takes and gives is nobody else’s buffer', async (fresh) => {
    const key = branchKey(1)
    const mine = { ...key, keyId: Uint8Array.from(key.keyId), sealed: Uint8Array.from(key.sealed!) }
    await fresh.insert(mine)
    mine.keyId.fill(0)
    mine.sealed.fill(0)
    const given = await fresh.find(key.keyId)
    claimSame(given, key)
    given!.sealed!.fill(0)
    given!.keyId.fill(0)
    claimSame(await fresh.find(key.keyId), key)
  })
}

function keyIdOf(seed: number): Uint8Array {
  const keyId = insecureBytes(KEY_ID_LENGTH, seed)
  keyId.set([seed >> 24, seed >> 16, seed >> 8, seed], (seed * 5) % 8)
  return keyId
}

function branchKey(seed: number, fields: Partial<StoredBranchKey> = {}): StoredBranchKey {
  return {
    partition: 'a',
    version: 1,
    keyId: keyIdOf(seed),
    createdAt: 1_790_000_000_000 + seed,
    sealed: insecureBytes(150, seed),
    ...fields,
  }
}

function claimSame(found: StoredBranchKey | undefined, key: StoredBranchKey): void {
  claim(found !== undefined, 'a key is not there')
  claim(found.partition === key.partition, 'a key stands in another partition')
  claim(found.version === key.version && found.createdAt === key.createdAt, 'a key has another version or time')
  claimEqual(found.keyId, key.keyId, 'the key id')
  if (key.sealed === null) claim(found.sealed === null, 'a destroyed key still has its bytes')
  else claimEqual(found.sealed, key.sealed, 'the sealed key')
}

async function listAll(store: BranchKeyStore, limit: number): Promise<string[]> {
  const found: string[] = []
  let after: Uint8Array | undefined
  for (;;) {
    const page = await store.list({ limit, ...(after !== undefined && { after }) })
    claim(page.length <= limit, `a page of ${limit} has ${page.length} keys`)
    found.push(...page.map(({ keyId }) => toHex(keyId)))
    if (page.length < limit || found.length > 1000) return found
    after = page.at(-1)!.keyId
  }
}
