/** Rotates a database to one key, as a process of its own that can be killed: `child.ts FOLDER ACTIVE REASON`. Says `ready` when the run begins. */
import { join } from 'node:path'
import { createKeyring } from '@keyfold/core'
import { keyFile } from '@keyfold/core/key-file'
import { openDatabase, sqliteStore } from '@keyfold/sqlite'
import { openLedger, rotate } from '../../src/index.ts'
import type { Reason } from '../../src/index.ts'

const [folder, active] = [process.argv[2]!, Number(process.argv[3])]
const key = (index: number): ReturnType<typeof keyFile> => keyFile(join(folder, `k${index}.key`))
const keyring = createKeyring({ active: key(active), decryptOnly: Array.from({ length: active }, (_, i) => key(i)) })
const tables = [{ table: 'customers', id: 'id', columns: ['email', 'phone'] }]
const store = sqliteStore(await openDatabase(join(folder, 'app.db')), { name: 'app.db', tables })
const ledger = await openLedger(join(folder, 'ledger.db'))
process.stdout.write('ready\n')
const { outcome } = await rotate({ stores: [store], keyring, ledger, batch: 100, reason: process.argv[4] as Reason })
ledger.close()
store.close()
process.stdout.write(`${outcome}\n`)
