import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkBatch } from '../src/batch-input.ts'
import type { Outcome, PlainRecord, SealedRecord, SyncKeySource } from '../src/index.ts'
import {
  BATCH_LIMITS,
  createBranchKeys,
  createKeyring,
  inspect,
  KeyfoldError,
  memoryBranchKeyStore,
  open,
  openMany,
  openManySync,
  openSync,
  openTextSync,
  reencryptMany,
  rewrapMany,
  rewrapManySync,
  rewrapSync,
  sealMany,
  sealManySync,
  sealSync,
  toText,
} from '../src/index.ts'
import { codeOf, codeOfAsync, insecureKeyring, insecureWrapper, remoteWrapper } from './keys.ts'
import { hex } from './vectors.ts'

const contextOf = (id: number | string) => ({ table: 'users', column: 'ssn', id: String(id) })
const plain = (count: number): PlainRecord[] =>
  Array.from({ length: count }, (_, i) => ({ plaintext: Uint8Array.from(randomBytes(i % 50)), context: contextOf(i) }))
const sealedOf = (envelopes: readonly Uint8Array[]): SealedRecord<Uint8Array>[] =>
  envelopes.map((envelope, i) => ({ envelope, context: contextOf(i) }))
/** The values, or the codes of what stands in their place. */
const short = (outcomes: ReadonlyArray<Outcome<Uint8Array | string>>): string[] =>
  outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : typeof one.value === 'string' ? one.value : hex(one.value)))
const payloads = (records: readonly PlainRecord[]): string[] => records.map(({ plaintext }) => Buffer.from(plaintext).toString('hex'))

const local = insecureKeyring('a', 'b')
const remote = createKeyring({ active: remoteWrapper('a'), decryptOnly: [remoteWrapper('b')] })
/** Each of them by itself: async over local keys in batches, async one by one, and sync. */
const ways: ReadonlyArray<[string, { seal: (records: readonly PlainRecord[]) => Promise<Uint8Array[]>; open: typeof openLocal }]> = [
  ['local keys', { seal: (records) => sealMany(local, records), open: openLocal }],
  ['keys of a service', { seal: (records) => sealMany(remote, records), open: (records) => openMany(remote, records) }],
  ['sync', { seal: async (records) => sealManySync(local, records), open: async (records) => openManySync(local, records) }],
]

function openLocal(records: readonly SealedRecord[]): Promise<Array<Outcome<Uint8Array>>> {
  return openMany(local, records)
}

describe.each(ways)('%s', (_, way) => {
  test.each([0, 1, 2, 7, 8, 100])('%i records seal and open, each in its place', async (count) => {
    const records = plain(count)
    const envelopes = await way.seal(records)
    expect(envelopes).toHaveLength(count)
    expect(short(await way.open(sealedOf(envelopes)))).toEqual(payloads(records))
  })

  test('what a batch seals opens one by one, and the other way round', async () => {
    const records = plain(20)
    const envelopes = await way.seal(records)
    for (const [i, envelope] of envelopes.entries()) expect(hex(openSync(local, envelope, contextOf(i)))).toBe(payloads(records)[i])
    const singly = records.map(({ plaintext, context }) => sealSync(local, plaintext, context))
    expect(short(await way.open(sealedOf(singly)))).toEqual(payloads(records))
    expect(new Set([...envelopes, ...singly].map((envelope) => hex(envelope))).size).toBe(40)
  })

  test('text is stored as UTF-8, and a text form opens', async () => {
    const [envelope] = await way.seal([{ plaintext: 'Zürich 🗝', context: contextOf(0) }])
    expect(openTextSync(local, envelope!, contextOf(0))).toBe('Zürich 🗝')
    expect(short(await way.open([{ envelope: toText(envelope!), context: contextOf(0) }]))).toEqual([
      Buffer.from('Zürich 🗝').toString('hex'),
    ])
  })

  test('what cannot be opened is refused in its place, as `open` refuses it, and holds up no other', async () => {
    const envelopes = await way.seal(plain(12))
    const records = sealedOf(envelopes)
    const foreign = sealSync(insecureKeyring('elsewhere'), 'x', contextOf(3))
    const broken: Record<number, SealedRecord> = {
      1: { envelope: envelopes[1]!.subarray(0, 80), context: contextOf(1) },
      2: { envelope: envelopes[2]!, context: contextOf('other') },
      3: { envelope: foreign, context: contextOf(3) },
      4: { envelope: 'plaintext', context: contextOf(4) },
      5: { envelope: envelopes[5]!, context: { id: '\ud800' } },
      6: { envelope: withByte(envelopes[6]!, 30), context: contextOf(6) },
      7: { envelope: withByte(envelopes[7]!, 70), context: contextOf(7) },
      8: { envelope: 7 as never, context: contextOf(8) },
      9: { envelope: envelopes[9]!, context: null as never },
    }
    const batch: SealedRecord[] = records.map((record, i) => broken[i] ?? record)
    const outcomes = await way.open(batch)
    const singly = await Promise.all(batch.map(({ envelope, context }) => codeOfAsync(open(local, envelope, context))))
    expect(outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : undefined))).toEqual(singly)
    expect(singly.filter((code) => code === undefined)).toHaveLength(3)
    expect(new Set(singly)).toEqual(
      new Set([
        undefined,
        'ERR_ENVELOPE_MALFORMED',
        'ERR_NOT_AUTHENTIC',
        'ERR_KEY_NOT_FOUND',
        'ERR_NOT_SEALED',
        'ERR_CONTEXT_INVALID',
        'ERR_KEY_COMMITMENT',
        'ERR_ARGUMENT',
      ]),
    )
    expect(outcomes.every((one) => one.status === 'fulfilled' || one.reason instanceof KeyfoldError)).toBe(true)
  })

  test('a record that cannot be sealed ends the batch, and is named by its place', async () => {
    const bad: ReadonlyArray<[PlainRecord, string]> = [
      [{ plaintext: 'x', context: { ['']: 'y' } }, 'ERR_CONTEXT_INVALID'],
      [{ plaintext: '\ud800', context: contextOf(1) }, 'ERR_ARGUMENT'],
      [{ plaintext: 12 as never, context: contextOf(1) }, 'ERR_ARGUMENT'],
    ]
    for (const [record, code] of bad) {
      const records = plain(5)
      records[3] = record
      const error = await way.seal(records).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code })
      expect((error as KeyfoldError).message).toMatch(/^records\[3\]: /)
      expect((error as KeyfoldError).hint).not.toBe('')
    }
  })
})

describe('limits, before any work', () => {
  const never: SyncKeySource = { sealingKeys: () => expect.unreachable(), openingKey: () => expect.unreachable() }
  const many = <R>(record: R): R[] => Array.from({ length: BATCH_LIMITS.records + 1 }, () => record)
  const huge = { length: BATCH_LIMITS.bytes / 2 + 1 }
  // nothing reads them, so that their size costs nothing
  const half = Object.setPrototypeOf(Object.defineProperty({}, 'length', { value: huge.length }), Uint8Array.prototype) as Uint8Array

  test.each<[string, () => Promise<unknown>]>([
    ['records to seal', () => sealMany(never, many({ plaintext: '', context: {} }))],
    ['records to open', () => openMany(never, many({ envelope: '', context: {} }))],
    ['records to move', () => rewrapMany(never, many({ envelope: '', context: {} }))],
    [
      'bytes to seal',
      () =>
        sealMany(
          never,
          [0, 1].map(() => ({ plaintext: half, context: {} })),
        ),
    ],
    [
      'bytes to open',
      () =>
        openMany(
          never,
          [0, 1].map(() => ({ envelope: half, context: {} })),
        ),
    ],
    [
      'bytes to move',
      () =>
        rewrapMany(
          never,
          [0, 1].map(() => ({ envelope: half, context: {} })),
        ),
    ],
  ])('too many %s', async (_, call) => {
    const error = await call().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_LIMIT' })
    expect((error as KeyfoldError).hint).toContain('Cut the batch')
  })

  test('the message tells how many there are and may be', () => {
    expect(() => sealManySync(never, many({ plaintext: '', context: {} }))).toThrow(
      'the batch has 65537 records, at most 65536 are allowed',
    )
    expect(() =>
      sealManySync(
        never,
        [0, 1].map(() => ({ plaintext: half, context: {} })),
      ),
    ).toThrow('the batch has 268435458 bytes, at most 268435456 are allowed')
  })

  test('text counts by its characters', () => {
    const text = 'a'.repeat(BATCH_LIMITS.bytes / 4)
    const texts = [text, text, text, text].map((envelope) => ({ envelope, context: {} }))
    expect(openManySync(local, texts)).toHaveLength(4)
    expect(codeOf(() => openManySync(local, [...texts, { envelope: 'b', context: {} }]))).toBe('ERR_LIMIT')
  })

  test.each([[undefined], [{}], [[null]], [['x']]])('what is no list of records is an argument: %j', async (records) => {
    for (const call of [sealMany, openMany, rewrapMany]) expect(await codeOfAsync(call(never, records as never))).toBe('ERR_ARGUMENT')
    expect(codeOf(() => openManySync(local, [{ envelope: '', context: {} }, undefined as never]))).toBe('ERR_ARGUMENT')
  })

  test('exactly the limit is allowed', () => {
    const records = Array.from({ length: BATCH_LIMITS.records }, () => ({ envelope: '', context: {} }))
    expect(() => checkBatch(records, () => '')).not.toThrow()
    expect(() => checkBatch([{ of: half }, { of: 'a'.repeat(BATCH_LIMITS.bytes / 2 - 1) }], ({ of }) => of)).not.toThrow()
  })
})

describe('rewrapMany', () => {
  const next = insecureKeyring('b', 'a')

  test.each([
    ['async', async (records: readonly SealedRecord[]) => rewrapMany(next, records)],
    [
      'one by one',
      async (records: readonly SealedRecord[]) =>
        rewrapMany(createKeyring({ active: remoteWrapper('b'), decryptOnly: [remoteWrapper('a')] }), records),
    ],
    ['sync', async (records: readonly SealedRecord[]) => rewrapManySync(next, records)],
  ])('%s: the same bytes as one by one, in the form that was given, and bad ones in their places', async (_, move) => {
    const envelopes = sealManySync(local, plain(20))
    const records: SealedRecord[] = sealedOf(envelopes)
    records[2] = { envelope: toText(envelopes[2]!), context: contextOf(2) }
    records[4] = { envelope: envelopes[4]!, context: contextOf('other') }
    records[5] = { envelope: withByte(envelopes[5]!, 30), context: contextOf(5) }
    records[6] = { envelope: 'x', context: contextOf(6) }
    const singly = records.map(({ envelope, context }) => {
      try {
        const moved = rewrapSync(next, envelope, context)
        return typeof moved === 'string' ? moved : hex(moved)
      } catch (error) {
        return (error as KeyfoldError).code
      }
    })
    expect(short(await move(records))).toEqual(singly)
    expect(singly.slice(2, 8)).toEqual([
      expect.stringMatching(/^kf1\./),
      expect.stringMatching(/^4b46/),
      // a rewrap opens no body, so it cannot see the context
      expect.stringMatching(/^4b46/),
      'ERR_NOT_AUTHENTIC',
      'ERR_NOT_SEALED',
      expect.stringMatching(/^4b46/),
    ])
  })

  test('entries of keys that the keyring does not hold stay', () => {
    const both = createKeyring({ active: insecureWrapper('a'), recovery: [insecureWrapper('far')] })
    const [moved] = rewrapManySync(next, sealedOf(sealManySync(both, plain(1))))
    const value = moved?.status === 'fulfilled' ? moved.value : expect.unreachable()
    expect(inspect(value).entries.map(({ keyId }) => keyId)).toEqual(['b', 'far'].map((name) => hex(insecureWrapper(name).keyId)))
  })

  test('a rewrap to more entries than an envelope has is refused in its place', () => {
    const far = Array.from({ length: 15 }, (_, i) => insecureWrapper(`far ${i}`))
    const [full] = sealManySync(createKeyring({ active: insecureWrapper('a'), recovery: far }), plain(1))
    const two = createKeyring({ active: insecureWrapper('b'), recovery: [insecureWrapper('c')], decryptOnly: [insecureWrapper('a')] })
    const [fine] = sealManySync(local, plain(1))
    const records = [full!, fine!].map((envelope) => ({ envelope, context: contextOf(0) }))
    expect(short(rewrapManySync(two, records))).toEqual(['ERR_LIMIT', expect.stringMatching(/^4b46/)])
  })
})

describe('several entries', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => insecureWrapper(name))
  const both = createKeyring({ active: a!, recovery: [b!, c!] })

  test('every record gets an entry of each key, in their order', () => {
    for (const envelope of sealManySync(both, plain(10)))
      expect(inspect(envelope).entries.map(({ keyId }) => keyId)).toEqual([a, b, c].map((one) => hex(one!.keyId)))
  })

  test('abuse 24: in a batch too, the next entry is tried, and when all fail, all are listed', async () => {
    const records = plain(30)
    const batch = sealedOf(sealManySync(both, records))
    const down = unavailable('a')
    const fallback = createKeyring({ active: down, decryptOnly: [b!] })
    expect(short(await openMany(fallback, batch))).toEqual(payloads(records))
    const allDown = createKeyring({ active: down, decryptOnly: [unavailable('b'), createDenied('c')] })
    for (const one of await openMany(allDown, batch)) {
      const { reason } = one.status === 'rejected' ? one : expect.unreachable()
      expect(reason.code).toBe('ERR_KEY_UNAVAILABLE')
      for (const part of [
        'none of the 3 keys',
        'key-file:a: ERR_KEY_UNAVAILABLE',
        'key-file:b: ERR_KEY_UNAVAILABLE',
        'key-file:c: ERR_KEY_DENIED',
      ])
        expect(reason.message).toContain(part)
    }
  })

  test('as with one record, whatever was done to the entries', async () => {
    const keyring = createKeyring({ active: b!, decryptOnly: [c!, unavailable('a')] })
    const envelopes = sealManySync(both, plain(6))
    const places = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 6, max: 180 })), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(places, async (changes) => {
        const altered = envelopes.map((envelope) => Uint8Array.from(envelope))
        for (const [i, at] of changes) altered[i]![at]! ^= 1
        const batch = sealedOf(altered)
        const singly = batch.map(({ envelope, context }) => open(keyring, envelope, context).then((bytes) => hex(bytes), String))
        const outcomes = await openMany(keyring, batch)
        const together = outcomes.map((one) => (one.status === 'fulfilled' ? hex(one.value) : String(one.reason)))
        expect(together).toEqual(await Promise.all(singly))
      }),
    )
  })
})

describe('branch keys', () => {
  test('records of several partitions in one batch: each under the key of its own', async () => {
    const keys = createBranchKeys({ keyring: local, store: memoryBranchKeyStore(), partition: { by: 'tenant' } })
    const records = Array.from({ length: 60 }, (_, i) => ({ plaintext: `payload ${i}`, context: { tenant: `t${i % 3}`, id: String(i) } }))
    const envelopes = await sealMany(keys, records)
    expect(new Set(envelopes.map((envelope) => inspect(envelope).keyId)).size).toBe(3)
    for (let i = 3; i < 60; i++) expect(inspect(envelopes[i]!).keyId).toBe(inspect(envelopes[i - 3]!).keyId)
    const batch = envelopes.map((envelope, i) => ({ envelope, context: records[i]!.context }))
    expect(short(openManySync(keys, batch))).toEqual(payloads(records))
    keys.forget()
    expect(new Set(short(openManySync(keys, batch)))).toEqual(new Set(['ERR_BRANCH_KEY_LOCKED']))
    expect(codeOf(() => sealManySync(keys, records))).toBe('ERR_BRANCH_KEY_LOCKED')
    expect(() => sealManySync(keys, records)).toThrow(/^records\[0\]: /)
    expect(short(await openMany(keys, batch))).toEqual(payloads(records))
  })

  test('a cold batch reads each branch key once, and a record without its partition is refused alone when it is moved', async () => {
    const store = memoryBranchKeyStore()
    const reads: string[] = []
    const counted: typeof store = { ...store, versions: (partition) => (reads.push(partition), store.versions(partition)) }
    const options = { keyring: local, partition: { by: 'tenant' } }
    const warm = createBranchKeys({ ...options, store })
    const records = Array.from({ length: 100 }, (_, i) => ({ plaintext: 'x', context: { tenant: `t${i % 2}`, id: String(i) } }))
    const envelopes = await sealMany(warm, records)
    const cold = createBranchKeys({ ...options, store: counted })
    await sealMany(cold, records)
    expect(reads.sort()).toEqual(['t0', 't1'])
    const direct = sealSync(local, 'y', { id: 'no tenant' })
    const batch = [
      { envelope: direct, context: { id: 'no tenant' } },
      { envelope: envelopes[0]!, context: records[0]!.context },
    ]
    expect(short(await rewrapMany(cold, batch))).toEqual(['ERR_CONTEXT_INVALID', expect.stringMatching(/^4b46/)])
  })
})

test('the caller’s buffer may change while a key service answers', async () => {
  const plaintext = Uint8Array.from(Buffer.from('first'))
  const sealing = sealMany(remote, [{ plaintext, context: contextOf(0) }])
  plaintext.fill(0)
  expect(openTextSync(local, (await sealing)[0]!, contextOf(0))).toBe('first')
})

test.each([['rewrapMany', rewrapMany], ['reencryptMany', reencryptMany]] as const)('%s: so may the list', async (_name, move) => {
  const envelope = toText(sealSync(local, 'first', contextOf(0)))
  const records = [{ envelope, context: contextOf(0) }]
  const moving = move(remote, records)
  records.length = 0
  const [moved] = short(await moving)
  expect(moved).toMatch(/^kf1\./)
  expect(openTextSync(local, moved!, contextOf(0))).toBe('first')
})

function withByte(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 0x10 : byte))
}

function failing(name: string, code: string) {
  const fail = async (): Promise<never> => {
    throw new KeyfoldError(code, 'as the test asks')
  }
  return { ...remoteWrapper(name), wrap: fail, unwrap: fail }
}

function unavailable(name: string) {
  return failing(name, 'ERR_KEY_UNAVAILABLE')
}

function createDenied(name: string) {
  return failing(name, 'ERR_KEY_DENIED')
}
