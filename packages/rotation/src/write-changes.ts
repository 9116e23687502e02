import type { RecordStore } from '@keyfold/core'
import { isKeyfoldError } from '@keyfold/core'
import type { Action } from './key-batches.ts'
import type { Change, Worked } from './key-work.ts'
import type { ColumnPlace } from './ledger/types.ts'

/** What became of changes; those in neither count had been changed by another writer meanwhile. */
interface Written {
  readonly written: number
  /** Plaintexts that the store cannot hold: something else sealed them. */
  readonly refused: Worked['failures']
}

type Write = (store: RecordStore, place: ColumnPlace, changes: readonly Change[]) => Promise<Written>

const writeEnvelopes: Write = async (store, place, changes) => ({
  written: await store.write(place, changes),
  refused: [],
})

/** A batch with a plaintext that the store cannot hold is refused as a whole, so then they go one by one. */
const unseal: Write = async (store, place, changes) => {
  try {
    return { written: await store.unseal!(place, changes.map(({ record, bytes }) => ({ record, plaintext: bytes }))), refused: [] }
  } catch (error) {
    if (!isKeyfoldError(error, 'ERR_TABLE_TYPE')) throw error
    const [only, ...more] = changes
    if (only !== undefined && more.length === 0) return { written: 0, refused: [{ record: only.record, code: error.code }] }
  }
  const all = { written: 0, refused: [] as Array<Worked['failures'][number]> }
  for (const change of changes) {
    const one = await unseal(store, place, [change])
    all.written += one.written
    all.refused.push(...one.refused)
  }
  return all
}

/** How each kind of change gets into a store. That a store can unseal is looked at before a run begins. */
export const WRITE: Readonly<Record<Action, Write>> = { seal: writeEnvelopes, rewrap: writeEnvelopes, reencrypt: writeEnvelopes, unseal }
