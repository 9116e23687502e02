/** The conformance kit of record stores: what a rotation relies on, as cases. */
import { toHex } from './bytes.ts'
import { canonicalContext } from './context.ts'
import { open, seal } from './envelope.ts'
import { inspect } from './inspect.ts'
import type { Keyring } from './keyring.ts'
import { createKeyring } from './keyring.ts'
import { localKeyWrapper } from './local-wrap.ts'
import type { TestFunction } from './testing-kit.ts'
import { claim, claimEqual, claimRefused, insecureBytes } from './testing-kit.ts'
import type { RecordStoreBench } from './testing-record-subject.ts'
import { Subject } from './testing-record-subject.ts'
import type { StoredRecord } from './types.ts'

export type { RecordStoreBench } from './testing-record-subject.ts'

export interface RecordStoreKit {
  /** The `test` of the test runner. */
  readonly test: TestFunction
  /** A new store with one column that holds these values in this order, null as NULL. Values are short texts. */
  readonly bench: (values: ReadonlyArray<string | null>) => RecordStoreBench | Promise<RecordStoreBench>
}

const insecureKeyring = (seed: number): Keyring =>
  createKeyring({ active: localKeyWrapper(`key-file:kit-${seed}`, insecureBytes(32, seed)) })
const OLD = insecureKeyring(1)
const NEW = insecureKeyring(2)
const BOTH = createKeyring({ active: OLD.active, recovery: [NEW.active] })
const idOf = ({ active }: Keyring): string => toHex(active.keyId)

/**
 * Declares the cases that every record store passes.
 *
 * @example testRecordStore({ test, bench: (values) => myBench(values) })
 */
export function testRecordStore({ test, bench }: RecordStoreKit): void {
  const onStore = (name: string, values: ReadonlyArray<string | null>, run: (subject: Subject) => Promise<void>): unknown =>
    test(`record store: ${name}`, async () => run(new Subject(await bench(values))))

  onStore('it names itself and its columns, and has nothing against them', ['a'], async ({ store, column }) => {
    claim(store.name !== '', 'it has no name')
    claim(
      store.columns.some((ref) => ref.table === column.table && ref.column === column.column),
      'it does not name its column',
    )
    claim((await store.check()).length === 0, 'it has something against its column')
    for (let i = 0; i < 2; i++) await store.prepare()
  })
  onStore('a column that it does not have is refused', ['a'], async ({ store }) => {
    const absent = { table: 'absent', column: 'absent' }
    await claimRefused(
      async () => store.read(absent, { limit: 1 }),
      ['ERR_ARGUMENT', 'ERR_TABLE_COLUMN'],
      'reading a column that is not there',
    )
  })
  onStore('an empty column is empty', [], async (subject) => {
    claim((await subject.read()).length === 0, 'it gives records')
    await subject.claimCensus({ total: 0, null: 0, plaintext: 0 })
  })
  onStore('reading gives all but NULLs, in pages of any size, in one order', ['a', null, 'b', '', 'c', 'd', null], async (subject) => {
    const all = await subject.read()
    claim(all.length === 5, `${all.length} records were read instead of 5`)
    claim(new Set(all.map(({ position }) => position)).size === 5, 'two records have one position')
    claim(new Set(all.map(({ context }) => `${canonicalContext(context).bytes}`)).size === 5, 'two records have one context')
    claim(
      all.every(({ sealed }) => !sealed),
      'plaintext is taken as sealed',
    )
    for (const limit of [1, 2, 5, 6]) claimSameRecords(await subject.readPages({ limit }), all, `pages of ${limit}`)
    await subject.claimCensus({ total: 7, null: 2, plaintext: 5 })
  })
  onStore('pages that are bounded by bytes hold every record once, in the same order', ['a', 'bb', null, 'c'.repeat(500), 'd'], async (subject) => {
    const all = await subject.read()
    for (const maxBytes of [1, 3, 400, 100_000]) {
      const found: StoredRecord[] = []
      for (let full = true; full; ) {
        const after = found.at(-1)?.position
        const page = await subject.store.read(subject.column, { limit: 3, maxBytes, ...(after !== undefined && { after }) })
        found.push(...page)
        claim(found.length <= all.length, `pages of ${maxBytes} bytes do not end`)
        full = page.length === 3 || page.reduce((sum, { value }) => sum + value.length, 0) >= maxBytes
      }
      claimSameRecords(found, all, `pages of ${maxBytes} bytes`)
    }
  })
  onStore('what is read is the reader’s own', ['abc'], async (subject) => {
    const [first] = await subject.read()
    const before = Uint8Array.from(first!.value)
    first!.value.fill(0)
    claimEqual((await subject.read())[0]!.value, before, 'a record that was read before')
  })
  onStore('sealing keeps order, contexts and values, and the census follows', ['a', null, 'b', ''], async (subject) => {
    const before = await subject.read()
    claim((await subject.seal(OLD, before)) === 3, 'not every change was written')
    const after = await subject.read()
    claim(
      after.every(({ sealed }) => sealed),
      'a sealed record is taken as plaintext',
    )
    for (const [i, record] of after.entries()) {
      claim(record.position === before[i]!.position, 'a record changed its position')
      claimEqual(canonicalContext(record.context).bytes, canonicalContext(before[i]!.context).bytes, 'the context of a record')
      claimEqual(await open(OLD, record.value, record.context), before[i]!.value, 'an opened record')
    }
    await subject.claimCensus({ total: 4, null: 1, plaintext: 0, [idOf(OLD)]: 3 })
  })
  onStore('a record that changed since it was read is left alone: the newest value wins', ['a', 'b', 'c'], async (subject) => {
    const stale = await subject.read()
    await subject.overwrite(1, 'newer')
    claim((await subject.seal(OLD, stale)) === 2, 'the count of written records is wrong')
    const now = await subject.read()
    claim(now.map(({ sealed }) => sealed).join() === 'true,false,true', 'a newer value was overwritten')
    claim((await subject.seal(NEW, stale)) === 0, 'records were replaced twice from one reading')
    await subject.overwrite(0, null)
    claim((await subject.seal(NEW, now.slice(0, 1))) === 0, 'a record that became NULL was written')
    await subject.claimCensus({ total: 3, null: 1, plaintext: 1, [idOf(OLD)]: 1 })
  })
  onStore('a sealed record that changed since it was read is left alone', ['a', 'b'], async (subject) => {
    await subject.seal(OLD, await subject.read())
    const stale = await subject.read()
    const newer = await seal(OLD, 'newer', stale[0]!.context)
    await subject.overwrite(0, newer)
    claim((await subject.seal(NEW, stale)) === 1, 'the count of written records is wrong')
    claimEqual((await subject.read())[0]!.value, newer, 'the newer record')
  })
  onStore('it leaves out what is under one key alone, and only that', ['a', 'b', 'c', 'd'], async (subject) => {
    const [a, b, c] = await subject.read()
    await subject.seal(OLD, [a!])
    await subject.seal(NEW, [b!])
    await subject.seal(BOTH, [c!])
    await subject.claimCensus({ total: 4, null: 0, plaintext: 1, [idOf(OLD)]: 2, [idOf(NEW)]: 2 })
    const left = await subject.readPages({ limit: 1, notUnder: idOf(OLD) })
    const keys = left.map(({ sealed, value }) => (sealed ? inspect(value).entries.length : 0))
    claim(keys.join() === '1,2,0', `of four records, ${left.length} are left (entries: ${keys.join()})`)
  })
  onStore('an envelope of a version to come is counted, as malformed, and not taken as plaintext', ['a', 'b'], async (subject) => {
    const [record] = await subject.read()
    const envelope = await seal(OLD, 'a', record!.context)
    envelope[2] = 2
    await subject.overwrite(0, envelope)
    await subject.claimCensus({ total: 2, null: 0, plaintext: 1, malformed: 1 })
    claim((await subject.read())[0]!.sealed, 'it is taken as plaintext')
  })
  onStore('where it can unseal, values come back as they were, and a newer one wins', ['a', null, 'b', ''], async (subject) => {
    const plain = await subject.read()
    await subject.seal(OLD, plain)
    const sealed = await subject.read()
    const newer = await seal(OLD, 'newer', sealed[2]!.context)
    await subject.overwrite(3, newer)
    const openings = sealed.map((record, i) => ({ record, plaintext: plain[i]!.value }))
    const unsealed = await subject.store.unseal?.(subject.column, openings)
    if (unsealed === undefined) return
    claim(unsealed === 2, 'the count of unsealed records is wrong')
    const after = await subject.read()
    claim(after.map((record) => record.sealed).join() === 'false,false,true', 'the wrong records are unsealed')
    for (const i of [0, 1]) claimEqual(after[i]!.value, plain[i]!.value, 'an unsealed record')
    claimEqual(after[2]!.value, newer, 'the newer record')
    claim((await subject.store.unseal!(subject.column, openings)) === 0, 'records were unsealed twice from one reading')
  })
  onStore('scrubbing says what remains, and takes nothing away', ['a', 'b'], async (subject) => {
    await subject.seal(OLD, await subject.read())
    const remains = await subject.store.scrub()
    claim(Array.isArray(remains) && remains.every((line) => typeof line === 'string'), 'scrub does not give sentences')
    await subject.claimCensus({ total: 2, null: 0, plaintext: 0, [idOf(OLD)]: 2 })
  })
  onStore('what is picked is read, and where it ends is said, in stretches of any size', ['a', null, 'b', 'c', 'd'], async (subject) => {
    const { store, column } = subject
    if (store.pick === undefined) return
    const all = await subject.read()
    const wanted = [all[0]!, all[3]!]
    for (const [limit, maxBytes] of [[1], [2], [3], [4], [9], [9, 1], [2, 1], [9, 100_000]] as const) {
      const { records, looked } = await subject.pickAll(limit, new Set(wanted.map(({ position }) => position)), maxBytes)
      const stretches = `stretches of ${limit}${maxBytes === undefined ? '' : ` and of ${maxBytes} bytes`}`
      claimSameRecords(records, wanted, `picks in ${stretches}`)
      claim(looked.join() === all.map(({ position }) => position).join(), `${stretches} do not offer every record once`)
      for (const [i, { value }] of records.entries()) claimEqual(value, wanted[i]!.value, 'a picked record')
    }
    claim((await store.pick(column, { limit: 9, picks: () => false })).records.length === 0, 'records are read that nobody picked')
  })
  onStore('sealed values outside of its columns are found, and those in them are not', ['a', 'b'], async (subject) => {
    const { store, addElsewhere } = subject
    if (store.unregistered === undefined) return
    await subject.seal(OLD, await subject.read())
    const before = await store.unregistered()
    claim(before.found.length === 0, 'a registered column is taken for an unregistered one')
    claim(addElsewhere !== undefined, 'the bench has no `addElsewhere`')
    for (const value of ['plain', await seal(OLD, 'x', { id: '1' }), await seal(OLD, 'y', { id: '2' })]) await addElsewhere(value)
    const { found, rows, gaps } = await store.unregistered()
    claim(found.reduce((sum, { records }) => sum + records, 0) === 2, 'the sealed values are not found, or more than these are')
    claim(rows >= before.rows + 3 && gaps.length === 0, 'it does not say that all rows were looked at')
    const stopped = AbortSignal.abort(new Error('stopped'))
    const search = async (): Promise<unknown> => store.unregistered!({ signal: stopped })
    const outcome = await search().then(() => 'ended', (error: Error) => error.message)
    claim(outcome === 'stopped', 'a signal does not end the search')
  })
  onStore(
    'a batch of 2,000 is written as one',
    Array.from({ length: 2000 }, (_, i) => `value ${i}`),
    async (subject) => {
      claim((await subject.seal(OLD, await subject.read())) === 2000, 'not every change was written')
      claim((await subject.readPages({ limit: 500, notUnder: idOf(OLD) })).length === 0, 'some are still read')
    },
  )
}

function claimSameRecords(found: readonly StoredRecord[], expected: readonly StoredRecord[], what: string): void {
  const positions = (records: readonly StoredRecord[]): string => records.map(({ position }) => position).join()
  claim(positions(found) === positions(expected), `${what} give other records, or another order`)
}
