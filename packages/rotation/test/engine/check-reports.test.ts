/** All that `verify` and `retire` tell: their reports, and their progress over stores and columns. */
import { seal } from '@keyfold/core'
import type { StoredRecord } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import type { OpenProgress, VerifyOptions } from '../../src/index.ts'
import { retire, rotate, verify } from '../../src/index.ts'
import { sealed } from './branched.ts'
import { bench, names, refusalOf } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const NO_FAILURES = { total: 0, byCode: {}, records: [] }

/** Two stores under q4, with a NULL and a plaintext in the second column, and a record in the first that does not open where that is wanted. */
async function scene({ damaged = false } = {}) {
  const { ledger, keyring } = await bench()
  const [app, log] = [new MemoryStore('app.db', ['email', 'phone']), new MemoryStore('log.db', ['body'])]
  app.fill('email', names(5)).fill('phone', ['1', null, '3'])
  log.fill('body', names(2))
  const stores = [app, log]
  await rotate({ stores, keyring: keyring('q3'), ledger })
  await rotate({ stores, keyring: keyring('q4', 'q3'), ledger })
  app.put('phone', 4, 'typed in plainly')
  if (damaged) app.put('email', 2, app.cell('email', 1))
  return { ledger, keyring, app, log, stores, options: { stores, keyring: keyring('q4', 'q3'), ledger } }
}

const PLACES = { email: 'app.db', phone: 'app.db', body: 'log.db' } as const
const place = (column: keyof typeof PLACES) => ({ store: PLACES[column], table: 'customers', column })
const damage = {
  total: 1,
  byCode: { ERR_NOT_AUTHENTIC: 1 },
  records: [{ ...place('email'), record: expect.any(String) as string, code: 'ERR_NOT_AUTHENTIC' }],
}
const census = (column: keyof typeof PLACES, total: number, counts: object = {}, under = total): object => (
  { ...place(column), total, null: 0, plaintext: 0, malformed: 0, ...counts, byKey: { 'key-file:q4': under } }
)
const CENSUS = [census('email', 5), census('phone', 4, { null: 1, plaintext: 1 }, 2), census('body', 2)]

type Step = readonly [column: string, opened: number, failed: number, total: number]

async function stepsOf(run: (onProgress: (one: OpenProgress) => void) => Promise<unknown>): Promise<Step[]> {
  const steps: Step[] = []
  await run(({ column, opened, failed, total }) => steps.push([column, opened, failed, total]))
  return steps
}

describe('verify', () => {
  const ledgerKey = { keys: ['key-file:q4'], verified: true, problem: null }

  test('of all records', async () => {
    const { options } = await scene({ damaged: true })
    const column = (name: keyof typeof PLACES, records: number, failed = 0): object => (
      { ...place(name), records, opened: records - failed, failed, ruledOutPerMillion: failed > 0 ? null : 0 }
    )
    expect(await verify({ ...options, full: true })).toEqual({
      full: true, seed: null, opened: 8, failed: damage, confidence: null, ruledOutPerMillion: null,
      columns: [column('email', 5, 1), column('phone', 2), column('body', 2)], ledgerKey, census: CENSUS,
    })
  })

  test('of a sample, which takes all where there are few', async () => {
    const { options } = await scene()
    const report = await verify({ ...options, seed: 'fixed' })
    expect(report).toMatchObject({
      full: false, seed: 'fixed', opened: 9, failed: NO_FAILURES, confidence: 0.99, ruledOutPerMillion: 0, ledgerKey, census: CENSUS,
    })
    expect(await verify(options)).toMatchObject({ seed: expect.stringMatching(/^[0-9a-f]{16}$/) as string })
  })

  test('without a ledger has pseudonyms that hold for this report alone', async () => {
    const { options: { ledger: _, ...options } } = await scene({ damaged: true })
    const pseudonym = async (): Promise<string> => {
      const { failed, ledgerKey: none } = await verify({ ...options, full: true })
      expect(none).toBeNull()
      return failed.records[0]!.record
    }
    const [one, other] = [await pseudonym(), await pseudonym()]
    expect(one).toMatch(/^rec:[0-9a-f]{16}$/)
    expect(other).not.toBe(one)
  })

  test('tells after each column how far it is of all of them', async () => {
    const { options } = await scene({ damaged: true })
    const steps = async (changes: Partial<VerifyOptions>) => stepsOf((onProgress) => verify({ ...options, ...changes, onProgress }))
    const ofAll = [['email', 4, 1, 9], ['email', 4, 1, 9], ['phone', 6, 1, 9], ['phone', 6, 1, 9], ['body', 8, 1, 9], ['body', 8, 1, 9]]
    expect(await steps({ full: true })).toEqual(ofAll)
    expect(await steps({ sample: 1000 })).toEqual(ofAll)
  })

  test('hands each record that does not open, with its place and its code, to who repairs it', async () => {
    const { options, app } = await scene({ damaged: true })
    app.put('email', 4, app.cell('email', 4)!.subarray(0, 60))
    const seen: unknown[] = []
    const onFailure = (at: object, { context }: StoredRecord, code: string): void => void seen.push([at, context, code])
    await verify({ ...options, full: true, onFailure })
    expect(seen).toEqual([
      [place('email'), app.context('email', 2), 'ERR_NOT_AUTHENTIC'],
      [place('email'), app.context('email', 4), 'ERR_ENVELOPE_MALFORMED'],
    ])
  })

  test('is ended by a signal between two batches, and says that nothing was changed', async () => {
    const { options } = await scene()
    const stop = new AbortController()
    const steps: string[] = []
    const run = verify({ ...options, full: true, signal: stop.signal, onProgress: ({ column }) => (steps.push(column), stop.abort()) })
    expect(await refusalOf(run)).toMatchInlineSnapshot(`
      "ERR_INTERRUPTED: interrupted while records were opened; nothing was changed
      Nothing was changed. Start again when there is time to finish."
    `)
    expect(new Set(steps)).toEqual(new Set(['email']))
  })
})

describe('retire', () => {
  const common = { key: 'key-file:q3', active: false, needed: [], ledgerKey: false, ledger: 'known', opened: 9, failed: NO_FAILURES }

  test('of a key that nothing needs; a second time it looks again and opens nothing', async () => {
    const { options, ledger } = await scene()
    expect(await retire({ ...options, key: 'key-file:q3', by: 'ana' })).toEqual({ ...common, outcome: 'retired' })
    expect(ledger.keys.changes().at(-1)).toMatchObject({
      id: 'key-file:q3', was: 'decrypt-only', state: 'disabled', cause: 'retire', by: 'ana', reason: 'retired: no record of 9 needs it',
    })
    expect(await retire({ ...options, key: 'key-file:q3' })).toEqual({ ...common, opened: 0, outcome: 'already-retired' })
  })

  test('of a key that is needed, by columns; the active key keeps the ledger’s own', async () => {
    const { options, keyring, app, log } = await scene()
    const put = async (store: MemoryStore, column: string, id: number): Promise<void> =>
      store.put(column, id, await seal(keyring('q3'), 'x', store.context(column, id)))
    await put(app, 'email', 7)
    await put(app, 'email', 8)
    await put(log, 'body', 9)
    const needed = [{ ...place('email'), records: 2 }, { ...place('body'), records: 1 }]
    expect(await retire({ ...options, key: 'key-file:q3' })).toEqual({ ...common, outcome: 'needed', needed, opened: 0 })
    expect(await retire({ ...options, key: 'key-file:q4' })).toMatchObject({
      outcome: 'needed', key: 'key-file:q4', active: true, ledgerKey: true, needed: [{ records: 5 }, { records: 2 }, { records: 2 }],
    })
  })

  test('of a key under which something appeared after it was retired: it is taken back', async () => {
    const { options, keyring, app, ledger } = await scene()
    await retire({ ...options, key: 'key-file:q3' })
    app.put('email', 7, await seal(keyring('q3'), 'x', app.context('email', 7)))
    const needed = [{ ...place('email'), records: 1 }]
    expect(await retire({ ...options, key: 'key-file:q3', by: 'ana' })).toMatchObject({ outcome: 'needed', needed })
    expect(ledger.keys.changes().at(-1)).toMatchObject({
      id: 'key-file:q3', was: 'disabled', state: 'decrypt-only', cause: 'enable', by: 'ana', reason: 'something under it appeared',
    })
  })

  test('with a record that does not open', async () => {
    const { options, ledger } = await scene({ damaged: true })
    expect(await retire({ ...options, key: 'key-file:q3' })).toEqual({ ...common, outcome: 'damaged', opened: 8, failed: damage })
    expect(ledger.keys.all().find(({ id }) => id === 'key-file:q3')?.state).toBe('decrypt-only')
  })

  test('tells how far it is, by what is sealed in all columns', async () => {
    const { options } = await scene({ damaged: true })
    const steps = await stepsOf((onProgress) => retire({ ...options, key: 'key-file:q3', onProgress }))
    expect(steps).toEqual([['email', 4, 1, 9], ['phone', 6, 1, 9], ['body', 8, 1, 9]])
  })

  test('with branch keys counts those that the key wraps', async () => {
    const b = await sealed(4)
    const options = { stores: [b.store], ledger: b.ledger }
    const none = { needed: 0, failed: [], destroyedRecords: 0 }
    const keys = b.branched(b.keyring('q4', 'q3'))
    expect(await retire({ ...options, keyring: keys, key: 'key-file:q3' })).toMatchObject({
      outcome: 'needed', opened: 0, branchKeys: { ...none, needed: 1 }, needed: [{ column: 'email', records: 4 }, { column: 'phone', records: 4 }],
    })
    await rotate({ ...options, keyring: keys })
    const after = await retire({ ...options, keyring: keys, key: 'key-file:q3' })
    expect(after).toMatchObject({ outcome: 'retired', opened: 8, needed: [], branchKeys: none })
  })
})
