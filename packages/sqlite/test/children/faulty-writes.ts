/**
 * Seals a column anew, again and again, while the system makes writes fail; after each round all rows must be of one generation: the last that
 * was written, or the one that just was. Prints how the rounds ended, as JSON.
 */
import { createKeyring, isKeyfoldError, openSync, sealSync } from '@keyfold/core'
import { keyFile } from '@keyfold/core/key-file'
import { openDatabase, sqliteStore } from '../../src/index.ts'

const [path, key, rounds] = process.argv.slice(2) as [string, string, string]
const keyring = createKeyring({ active: keyFile(key) })
const column = { table: 't', column: 'c' }

async function withStore<T>(use: (store: ReturnType<typeof sqliteStore>) => T): Promise<T> {
  const store = sqliteStore(await openDatabase(path), { tables: [{ table: 't', id: 'id', columns: ['c'] }] })
  try {
    return use(store)
  } finally {
    store.close()
  }
}

/** Seals every row as of this generation; the code of the error where that fails. */
async function write(generation: number): Promise<string> {
  try {
    return await withStore((store) => {
      const records = store.read(column, { limit: 1000 })
      const text = `${generation}:${'x'.repeat(300)}`
      store.write(
        column,
        records.map((record) => ({ record, envelope: sealSync(keyring, text, record.context) })),
      )
      return 'written'
    })
  } catch (error) {
    if (isKeyfoldError(error)) return error.code
    throw error
  }
}

/** The generations that rows are of. SQLite may have to roll back first, which a fault can stop: then again. */
async function generations(): Promise<Set<number>> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await withStore((store) => {
        const records = store.read(column, { limit: 1000 })
        return new Set(records.map(({ value, context }) => Number.parseInt(Buffer.from(openSync(keyring, value, context)).toString(), 10)))
      })
    } catch (error) {
      if (!isKeyfoldError(error, 'ERR_SQLITE_IO', 'ERR_SQLITE_FULL') || attempt > 50) throw error
    }
  }
}

const outcomes: Record<string, number> = {}
const torn: number[][] = []
let last = [...(await generations())][0]!
for (let generation = 1; generation <= Number(rounds); generation++) {
  const outcome = await write(generation)
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  const found = [...(await generations())]
  if (found.length !== 1 || (found[0] !== last && found[0] !== generation)) torn.push(found)
  if (outcome === 'written' && found[0] !== generation) torn.push(found)
  last = found[0]!
}
process.stdout.write(JSON.stringify({ outcomes, torn }))
