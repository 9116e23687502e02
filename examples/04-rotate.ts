// A rotation from a program, as `kms-rotate` does it: plan, run with progress, verify, retire.
// Run it: npm run -s node -- examples/04-rotate.ts
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyring } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { openLedger, plan, retire, rotate, verify } from '@keyfold/rotation'
import { openDatabase, sqliteStore } from '@keyfold/sqlite'
import Database from 'better-sqlite3'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-example-'))
const [q3, q4] = ['2026q3.key', '2026q4.key'].map((name) => join(folder, name)) as [string, string]
createKeyFile(q3)
createKeyFile(q4)
const app = new Database(join(folder, 'app.db'))
app.exec("CREATE TABLE users (id INTEGER PRIMARY KEY, ssn TEXT); INSERT INTO users (ssn) VALUES ('078-05-1120'), ('219-09-9999')").close()

const tables = [{ table: 'users', id: 'id', columns: ['ssn'] }]
const stores = [sqliteStore(await openDatabase(join(folder, 'app.db')), { name: 'app.db', tables })]
const ledger = await openLedger(join(folder, 'ledger.db'))
await rotate({ stores, ledger, keyring: createKeyring({ active: keyFile(q3) }) }) // seals the plaintext

const keyring = createKeyring({ active: keyFile(q4), decryptOnly: [keyFile(q3)] })
const made = await plan({ stores, ledger, keyring })
console.log('to rewrap:', made.totals.rewrap, 'not registered:', made.unregistered.length)
const run = rotate({ stores, ledger, keyring, plan: made, signal: AbortSignal.timeout(60_000) })
for await (const { done, total } of run) console.log('rotated:', done, 'of', total)
console.log('outcome:', (await run).outcome)
const { opened, failed } = await verify({ stores, ledger, keyring, full: true })
console.log('opened:', opened, 'failed:', failed.total)
console.log('retire:', (await retire({ stores, ledger, keyring, key: 'key-file:2026q3' })).outcome)
ledger.close()
rmSync(folder, { recursive: true })
// prints: to rewrap: 2 not registered: 0
// prints: rotated: 2 of 2
// prints: outcome: done
// prints: opened: 2 failed: 0
// prints: retire: retired
