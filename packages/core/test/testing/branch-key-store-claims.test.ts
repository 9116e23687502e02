/** What the kit of branch key stores says of a store that breaks one promise, in words. */
import { expect, test } from 'vitest'
import type { BranchKeyStore, StoredBranchKey } from '../../src/index.ts'
import { memoryBranchKeyStore } from '../../src/index.ts'
import { testBranchKeyStore } from '../../src/testing.ts'
import { failuresOf } from './cases.ts'

type Change = (good: BranchKeyStore) => Partial<BranchKeyStore>
type Key = StoredBranchKey

const inEach = (change: (key: Key) => Key): Change => (good) => ({
  versions: async (partition) => (await good.versions(partition)).map(change),
  find: async (keyId) => {
    const found = await good.find(keyId)
    return found && change(found)
  },
})
const some: Key = { partition: 'a', version: 9, keyId: new Uint8Array(12).fill(9), createdAt: 1, sealed: Uint8Array.of(1) }
const fillWithZeros = (key: Key): Key => ({ ...key, sealed: key.sealed && new Uint8Array(key.sealed.length) })

const broken: ReadonlyArray<[fault: string, change: Change, noticed: RegExp, said: RegExp]> = [
  ['has a number for a name', () => ({ name: 7 as unknown as string }), /is empty/, /^it has no name$/],
  ['has versions from the beginning', () => ({ versions: () => [some] }), /is empty/, /^it has versions$/],
  ['finds what was never inserted', () => ({ find: () => some }), /is empty/, /^it finds a key$/],
  ['lists what was never inserted', () => ({ list: () => [some] }), /is empty/, /^it lists a key$/],
  ['refuses a new key', () => ({ insert: () => false }), /byte for byte/, /^a new key was refused \(partition 0\)$/],
  ['gives nothing back', () => ({ versions: () => [] }), /byte for byte/, /^a key is not there$/],
  ['finds nothing', () => ({ find: () => undefined }), /byte for byte/, /^a key is not there$/],
  ['gives another partition', inEach((key) => ({ ...key, partition: 'b' })), /byte for byte/, /^a key stands in another partition$/],
  ['gives another version', inEach((key) => ({ ...key, version: key.version + 1 })), /byte for byte/, /another version or time/],
  ['gives another time', inEach((key) => ({ ...key, createdAt: 0 })), /byte for byte/, /another version or time/],
  ['gives another key id', inEach((key) => ({ ...key, keyId: new Uint8Array(12) })), /byte for byte/, /^the key id \(12 bytes\) is not/],
  ['gives other bytes', inEach(fillWithZeros), /byte for byte/, /^the sealed key \(150 bytes\) is not/],
  [
    'gives a version too many',
    (good) => ({ versions: async (partition) => [...(await good.versions(partition)), some] }),
    /byte for byte/,
    /^partitions are mixed up$/,
  ],
  [
    'gives the newest version first',
    (good) => ({ versions: async (partition) => (await good.versions(partition)).toReversed() }),
    /oldest first/,
    /^the versions come as 10,3,2,1$/,
  ],
  [
    'says that it took a version twice',
    (good) => ({ insert: async (key) => (await good.insert(key)) || key.version === 1 }),
    /not inserted again/,
    /^a second key was taken as the same version$/,
  ],
  [
    'says that it took a key id twice',
    (good) => ({ insert: async (key) => (await good.insert(key)) || key.version === 2 }),
    /not inserted again/,
    /^a key id was taken twice$/,
  ],
  [
    'says that it took a key id in two partitions',
    (good) => ({ insert: async (key) => (await good.insert(key)) || key.partition === 'b' }),
    /not inserted again/,
    /^a key id was taken twice, in two partitions$/,
  ],
  [
    'keeps something of what it refused',
    (good) => {
      const refused = new Set<string>()
      return {
        insert: async (key) => (await good.insert(key)) || (refused.add(key.partition), false),
        versions: async (partition) => [...(await good.versions(partition)), ...(refused.has('b') && partition === 'b' ? [some] : [])],
      }
    },
    /not inserted again/,
    /^a refused insert left something behind$/,
  ],
  ['lets nobody win', (good) => ({ insert: async (key) => (await good.insert(key)) && false }), /insert one version at once/, /^0 won$/],
  ['lets all replace', (good) => ({ replace: async (...args) => (await good.replace(...args)) || true }), /many that replace/, /^100 won$/],
  ['lets nobody replace', () => ({ replace: () => false }), /many that replace/, /^0 won$/],
  ['replaces nothing', () => ({ replace: () => false }), /only if it is still/, /^a key was not replaced that was what was read$/],
  [
    'replaces what was not read',
    (good) => ({ replace: async (key, sealed) => good.replace((await good.find(key.keyId)) ?? key, sealed) }),
    /only if it is still/,
    /^a key was replaced that was not what was read$/,
  ],
  [
    'replaces twice from one reading',
    (good) => {
      const read = new Set<string>()
      return {
        replace: async (key, sealed) => {
          const done = await good.replace(key, sealed)
          if (done) read.add(`${key.sealed}`)
          return done || read.has(`${key.sealed}`)
        },
      }
    },
    /only if it is still/,
    /^a key was replaced twice from one reading$/,
  ],
  [
    'replaces what is not there',
    (good) => ({ replace: async (key, sealed) => (await good.replace(key, sealed)) || (await good.find(key.keyId)) === undefined }),
    /only if it is still/,
    /^a key was replaced that is not there$/,
  ],
  [
    'destroys nothing',
    (good) => ({ replace: async (key, sealed) => sealed !== null && good.replace(key, sealed) }),
    /stays known/,
    /^a key was not destroyed$/,
  ],
  [
    'says that it destroyed a key, and did not',
    (good) => ({ replace: async (key, sealed) => sealed === null || good.replace(key, sealed) }),
    /stays known/,
    /^a destroyed key still has its bytes$/,
  ],
  [
    'takes a destroyed key again',
    (good) => ({ insert: async (key) => (await good.insert(key)) || (await good.find(key.keyId))?.sealed === null }),
    /stays known/,
    /^a destroyed key was inserted again$/,
  ],
  [
    'says that it brought a destroyed key back',
    (good) => ({ replace: async (key, sealed) => (await good.replace(key, sealed)) || key.sealed === null }),
    /stays known/,
    /^a destroyed key was brought back$/,
  ],
  [
    'lets a destroyed key be replaced by one who read it before',
    (good) => ({
      replace: async (key, sealed) => (await good.replace(key, sealed)) || (key.sealed !== null && (await good.find(key.keyId))?.sealed === null),
    }),
    /stays known/,
    /^a destroyed key was replaced by one who read it before$/,
  ],
  [
    'keeps a refused key beside the one that is there',
    (good) => {
      let refused = false
      return {
        insert: async (key) => (await good.insert(key)) || ((refused = true), false),
        versions: async (partition) => [...(await good.versions(partition)), ...(refused && partition === 'a' ? [some] : [])],
      }
    },
    /not inserted again/,
    /^a refused insert left something behind$/,
  ],
  [
    'changes the key that is there when it refuses another',
    (good) => {
      let refused = false
      return {
        insert: async (key) => (await good.insert(key)) || ((refused = true), false),
        find: async (keyId) => {
          const found = await good.find(keyId)
          return found && refused ? { ...found, createdAt: 0 } : found
        },
      }
    },
    /not inserted again/,
    /^a key has another version or time$/,
  ],
  [
    'changes a key that it does not replace',
    (good) => {
      let refused = false
      return {
        replace: async (key, sealed) => (await good.replace(key, sealed)) || ((refused = true), false),
        find: async (keyId) => {
          const found = await good.find(keyId)
          return found && refused ? fillWithZeros(found) : found
        },
      }
    },
    /only if it is still/,
    /^the sealed key \(150 bytes\) is not/,
  ],
  [
    'finds a key under its own id alone in the first partition',
    (good) => ({ find: async (keyId) => (await good.versions('a')).find((key) => `${key.keyId}` === `${keyId}`) }),
    /byte for byte/,
    /^a key is not there$/,
  ],
  ...(
    [
      ['keeps the caller’s key id', 'keyId', 'in', /^a key is not there$|^the key id/],
      ['keeps the caller’s sealed key', 'sealed', 'in', /^the sealed key/],
      ['gives its own key id away', 'keyId', 'out', /^the key id/],
      ['gives its own sealed key away', 'sealed', 'out', /^the sealed key/],
    ] as const
  ).map(([fault, field, way, said]): [string, Change, RegExp, RegExp] => {
    const keyed = new Map<string, Key>()
    const change: Change = (good) => ({
      insert: async (key) => {
        keyed.set(`${key.keyId}`, way === 'in' ? key : { ...key, keyId: key.keyId.slice(), sealed: key.sealed!.slice() })
        return good.insert(key)
      },
      find: async (keyId) => {
        const found = await good.find(keyId)
        const kept = keyed.get(`${keyId}`)![field]!
        return found && { ...found, [field]: way === 'in' ? kept.slice() : kept }
      },
    })
    return [fault, change, /nobody else’s buffer/, said]
  }),
  [
    'gives pages that are too long',
    (good) => ({ list: async ({ limit, ...from }) => good.list({ ...from, limit: limit + 1 }) }),
    /pages/,
    /^a page of 1 has 2 keys$/,
  ],
  [
    'begins each page with the end of the last',
    (good) => ({
      list: async ({ after, limit }) => {
        if (after === undefined || limit < 5) return good.list({ ...(after && { after }), limit })
        return [(await good.find(after))!, ...(await good.list({ after, limit: limit - 1 }))]
      },
    }),
    /pages/,
    /^pages of 7 give \d+ keys instead of 25, or in another order$/,
  ],
  [
    'lists in another order',
    (good) => ({ list: async (from) => (from.limit > 20 ? (await good.list(from)).toReversed() : good.list(from)) }),
    /pages/,
    /^pages of 25 give/,
  ],
]

test.each(broken)('the kit says of a store that %s', async (_fault, change, noticed, said) => {
  const store = (): BranchKeyStore => {
    const good = memoryBranchKeyStore()
    const methods: BranchKeyStore = {
      name: good.name,
      versions: (partition) => good.versions(partition),
      find: (keyId) => good.find(keyId),
      insert: (key) => good.insert(key),
      replace: (key, sealed) => good.replace(key, sealed),
      list: (options) => good.list(options),
    }
    return { ...methods, ...change(good) }
  }
  const failures = await failuresOf((declare) => testBranchKeyStore({ test: declare, store }), noticed)
  expect(Object.values(failures)).toContainEqual(expect.stringMatching(said))
})

test('every case has a name of its own', () => {
  const names: string[] = []
  testBranchKeyStore({ test: (name) => names.push(name), store: memoryBranchKeyStore })
  expect(new Set(names).size).toBe(names.length)
  for (const name of names) expect(name).toMatch(/^branch key store: .{10,}$/)
})
