/** What does it cost to ask which keys records need: of one envelope, and of a whole table? */
import { randomBytes } from 'node:crypto'
import { createKeyring, inspect, sealManySync, sealSync, toText } from '@keyfold/core'
import { sqliteStore } from '@keyfold/sqlite'
import BetterSqlite3 from 'better-sqlite3'
import type { Effort } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Result } from '../report.ts'
import { compared } from '../report.ts'
import type { Suite } from '../suite.ts'
import { CONTEXT, inFolder, newKeyFile } from '../suite.ts'

const INSERTED_AT_ONCE = 1000

export const reading: Suite = {
  name: 'reading',
  run: ({ effort, rows, quick }) =>
    inFolder(async (folder) => {
      const keyring = createKeyring({ active: newKeyFile(folder, 'bench') })
      const envelope = sealSync(keyring, randomBytes(256), CONTEXT)
      const results = [...(await benchInspect(envelope, effort)), ...(await benchCensus(folder, keyring, quick ? 2000 : rows, effort))]
      const floor = 'inspect: the key id in hex, cut out unchecked; census: a GROUP BY over its bytes, in SQL'
      return { title: 'Which keys do records need?', floor, results }
    }),
}

async function benchInspect(envelope: Uint8Array, effort: Effort): Promise<Result[]> {
  const text = toText(envelope)
  const bytes = Buffer.from(envelope)
  const timings = await interleave(
    {
      bytes: () => inspect(envelope),
      text: () => inspect(text),
      floor: () => bytes.toString('hex', 6, 18),
      textFloor: () => Buffer.from(text.slice(12, 28), 'base64url').toString('hex'),
    },
    effort,
  )
  return [compared('inspect 256 B', timings.bytes, timings.floor), compared('inspect 256 B as text', timings.text, timings.textFloor)]
}

async function benchCensus(folder: string, keyring: Parameters<typeof sealManySync>[0], rows: number, effort: Effort): Promise<Result[]> {
  const db = new BetterSqlite3(`${folder}/census.db`)
  db.exec('CREATE TABLE records (id INTEGER PRIMARY KEY, payload BLOB)')
  const insert = db.prepare('INSERT INTO records VALUES (?, ?)')
  for (let base = 0; base < rows; base += INSERTED_AT_ONCE) {
    const ids = Array.from({ length: Math.min(INSERTED_AT_ONCE, rows - base) }, (_, i) => base + i + 1)
    const plaintexts = ids.map((id) => ({ plaintext: randomBytes(256), context: { table: 'records', column: 'payload', id: `integer:${id}` } }))
    const envelopes = sealManySync(keyring, plaintexts)
    db.transaction(() => ids.forEach((id, i) => insert.run(id, envelopes[i])))()
  }
  const store = sqliteStore(db, { tables: [{ table: 'records', id: 'id', columns: ['payload'] }] })
  const counting = db.prepare('SELECT substr(payload, 7, 12), count(*) FROM records GROUP BY 1')
  const column = { table: 'records', column: 'payload' }
  const scanned = await interleave({ census: () => store.census(column), floor: () => counting.all() }, effort)
  store.prepare()
  const indexed = await interleave({ census: () => store.census(column), floor: () => counting.all() }, effort)
  db.close()
  return [
    compared(`census of ${rows} rows without the index of a rotation, per row`, scanned.census, scanned.floor, rows),
    compared(`census of ${rows} rows with it, per row`, indexed.census, indexed.floor, rows),
  ]
}
