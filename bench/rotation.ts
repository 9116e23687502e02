/** What does rotating a row cost, against reading it and writing the same number of bytes back? */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Keyring, SyncKeyWrapper } from '@keyfold/core'
import { createKeyring, sealSync } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { openLedger, rotate } from '@keyfold/rotation'
import { sqliteStore } from '@keyfold/sqlite'
import BetterSqlite3 from 'better-sqlite3'
import { median } from './interleave.ts'
import type { Result } from './report.ts'
import { result } from './report.ts'

const PAYLOAD = 256
const BATCH = 500
const ROUNDS = 3

type Local = Keyring<SyncKeyWrapper>

/** Rewraps all rows from one key to the other and back, each time after a plain pass over the same rows. */
export async function benchRotation(rows: number): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-bench-'))
  try {
    const keyrings = makeKeyrings(folder)
    const path = join(folder, 'bench.db')
    makeDatabase(path, rows, keyrings[1])
    const samples = { plain: [] as number[], rewrap: [] as number[], reencrypt: [] as number[] }
    for (let round = 0; round < ROUNDS; round++) {
      samples.plain.push(perRow(rows, () => plainPass(path)))
      samples.rewrap.push(await perRowAsync(rows, () => rotatePass(folder, path, keyrings[0], 'rotation')))
      samples.plain.push(perRow(rows, () => plainPass(path)))
      samples.reencrypt.push(await perRowAsync(rows, () => rotatePass(folder, path, keyrings[1], 'compromise')))
    }
    const [plain, rewrap, reencrypt] = [samples.plain, samples.rewrap, samples.reencrypt].map((one) =>
      median(one.toSorted((a, b) => a - b)),
    )
    return [result(`rotate ${rows} rows, rewrap`, rewrap!, plain!), result(`rotate ${rows} rows, re-encrypt`, reencrypt!, plain!)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function makeKeyrings(folder: string): [Local, Local] {
  const [a, b] = ['a', 'b'].map((name) => {
    createKeyFile(join(folder, `${name}.key`))
    return keyFile(join(folder, `${name}.key`))
  }) as [SyncKeyWrapper, SyncKeyWrapper]
  return [createKeyring({ active: a, decryptOnly: [b] }), createKeyring({ active: b, decryptOnly: [a] })]
}

function makeDatabase(path: string, rows: number, keyring: Local): void {
  const db = new BetterSqlite3(path)
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE records (id INTEGER PRIMARY KEY, payload BLOB)')
  const insert = db.prepare('INSERT INTO records VALUES (?, ?)')
  // Plaintexts of the store carry a tag of one byte.
  const payload = new Uint8Array(1 + PAYLOAD).fill(0x61)
  payload[0] = 4
  db.transaction(() => {
    for (let id = 1; id <= rows; id++) {
      insert.run(id, sealSync(keyring, payload, { table: 'records', column: 'payload', id: `integer:${id}` }))
    }
  })()
  db.close()
}

/** Reads all rows in batches and writes each back as it was. */
function plainPass(path: string): void {
  const db = new BetterSqlite3(path)
  const select = db.prepare('SELECT id, payload FROM records WHERE id > ? ORDER BY id LIMIT ?').raw()
  const update = db.prepare('UPDATE records SET payload = ? WHERE id = ?')
  const write = db.transaction((batch: ReadonlyArray<[number, Buffer]>) => {
    for (const [id, payload] of batch) update.run(payload, id)
  })
  for (let after = 0; ; ) {
    const batch = select.all(after, BATCH) as Array<[number, Buffer]>
    if (batch.length === 0) break
    write.immediate(batch)
    after = batch.at(-1)![0]
  }
  db.close()
}

async function rotatePass(folder: string, path: string, keyring: Local, reason: 'rotation' | 'compromise'): Promise<void> {
  const db = new BetterSqlite3(path)
  const store = sqliteStore(db, { name: 'bench.db', tables: [{ table: 'records', id: 'id', columns: ['payload'] }] })
  // A ledger of its own each time: in a real one, a key that was retired does not come back.
  const ledger = await openLedger(join(folder, `${Date.now()}-${reason}.ledger.db`))
  await rotate({ keyring, stores: [store], ledger, reason, batch: BATCH, scrub: false })
  ledger.close()
  db.close()
}

function perRow(rows: number, pass: () => void): number {
  const start = process.hrtime.bigint()
  pass()
  return Number(process.hrtime.bigint() - start) / 1000 / rows
}

async function perRowAsync(rows: number, pass: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint()
  await pass()
  return Number(process.hrtime.bigint() - start) / 1000 / rows
}
