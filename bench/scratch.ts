import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Keyring, SyncBatchKeyWrapper } from '@keyfold/core'
import { createKeyring, sealSync } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { openLedger, rotate } from '@keyfold/rotation'
import { sqliteStore } from '@keyfold/sqlite'
import BetterSqlite3 from 'better-sqlite3'
import { bareReencryptPass, bareRewrapPass, plainPass } from './rotation-bare.ts'
const rows = Number(process.argv[2] ?? 100000), rounds = Number(process.argv[3] ?? 2), only = process.argv[4]
const BATCH = 500
const folder = mkdtempSync(join(tmpdir(), 'keyfold-bench-'))
const [a, b] = ['a', 'b'].map((name) => { createKeyFile(join(folder, `${name}.key`)); return keyFile(join(folder, `${name}.key`)) as SyncBatchKeyWrapper }) as [SyncBatchKeyWrapper, SyncBatchKeyWrapper]
const rings = [createKeyring({ active: a, decryptOnly: [b] }), createKeyring({ active: b, decryptOnly: [a] })] as const
const path = join(folder, 'bench.db')
{
  const db = new BetterSqlite3(path)
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE records (id INTEGER PRIMARY KEY, payload BLOB)')
  const insert = db.prepare('INSERT INTO records VALUES (?, ?)')
  const payload = new Uint8Array(257).fill(0x61); payload[0] = 4
  db.transaction(() => { for (let id = 1; id <= rows; id++) insert.run(id, sealSync(rings[1], payload, { table: 'records', column: 'payload', id: `integer:${id}` })) })()
  db.close()
}
let n = 0
async function engine(keyring: Keyring, reason: 'rotation' | 'compromise') {
  const db = new BetterSqlite3(path)
  const store = sqliteStore(db, { name: 'bench.db', tables: [{ table: 'records', id: 'id', columns: ['payload'] }] })
  const ledger = await openLedger(join(folder, `${n++}.ledger.db`))
  const r = await rotate({ keyring, stores: [store], ledger, reason, batch: BATCH, scrub: false })
  if (r.rewrapped + r.reencrypted !== rows) throw new Error(JSON.stringify(r))
  ledger.close(); db.close()
}
const times: Record<string, number[]> = {}
async function t(name: string, f: () => unknown) {
  if (only && !name.includes(only)) return
  const s = performance.now(), c = process.cpuUsage(); await f(); const d = process.cpuUsage(c); const us = process.env.WALL ? (performance.now() - s) * 1000 / rows : (d.user + d.system) / rows; (times[name] ??= []).push(us)
}
for (let r = 0; r < rounds; r++) {
  await t('plain', () => plainPass(path, BATCH))
  await t('bare rewrap', () => bareRewrapPass(path, BATCH, b, a))
  await t(only === 'engine rewrap' && r % 2 ? 'none' : 'engine rewrap', () => engine(rings[only === 'engine rewrap' ? r % 2 : 1], 'rotation'))
  await t('bare reencrypt', () => bareReencryptPass(path, BATCH, b, a))
  await t('engine reencrypt', () => engine(rings[1], 'compromise'))
  await t('plain', () => plainPass(path, BATCH))
  console.log(Object.entries(times).map(([k, v]) => `${k} ${v.at(-1)!.toFixed(2)}`).join('  '))
}
{ const m = (k: string) => times[k]?.toSorted((x, y) => x - y)[times[k]!.length >> 1] ?? NaN; console.log('rewrap/bare', (m('bare rewrap')/m('engine rewrap')).toFixed(2), 'rewrap/plain', (m('plain')/m('engine rewrap')).toFixed(2), 'reenc/bare', (m('bare reencrypt')/m('engine reencrypt')).toFixed(2), 'reenc/plain', (m('plain')/m('engine reencrypt')).toFixed(2)) }
rmSync(folder, { recursive: true })
