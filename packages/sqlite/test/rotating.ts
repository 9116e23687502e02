import { rewrapSync, sealSync } from '@keyfold/core'
import type { ColumnRef, Keyring, StoredRecord, SyncKeyWrapper } from '@keyfold/core'
import type { SqliteDatabase, SqliteStore } from '../src/index.ts'
import { sqliteStore } from '../src/index.ts'

/** A store over a table `t` with the id `id` and one column `c`. */
export function storeOf(db: SqliteDatabase, id: string | string[] = 'id', columns: string[] = ['c']): SqliteStore {
  return sqliteStore(db, { tables: [{ table: 't', id, columns }] })
}

export const C: ColumnRef = { table: 't', column: 'c' }

/** Every record of a column, batch by batch. */
export function readAll(store: SqliteStore, column = C, options: { limit?: number; notUnder?: string } = {}): StoredRecord[] {
  const { limit = 7, notUnder } = options
  const all: StoredRecord[] = []
  for (;;) {
    const after = all.at(-1)?.position
    const batch = store.read(column, { limit, ...(after === undefined ? {} : { after }), ...(notUnder === undefined ? {} : { notUnder }) })
    all.push(...batch)
    if (batch.length < limit) return all
  }
}

/** Seals what is not, and rewraps the rest; what a rotation does. Returns how many cells were replaced. */
export function rotateColumn(store: SqliteStore, keyring: Keyring<SyncKeyWrapper>, column = C, limit = 7): number {
  const envelopeOf = ({ sealed, value, context }: StoredRecord) =>
    sealed ? rewrapSync(keyring, value, context) : sealSync(keyring, value, context)
  let replaced = 0
  for (let after: string | undefined; ; ) {
    const batch = store.read(column, { limit, ...(after === undefined ? {} : { after }) })
    replaced += store.write(
      column,
      batch.map((record) => ({ record, envelope: envelopeOf(record) })),
    )
    if (batch.length < limit) return replaced
    after = batch.at(-1)!.position
  }
}
