/**
 * Rotates a database to one key, as a process of its own that can be killed: `child.ts FOLDER ACTIVE REASON KEYS`, KEYS being `keyring` or
 * `branch-keys`. Says `ready` when the run begins.
 */
import { join } from 'node:path'
import { createBranchKeys, createKeyring } from '@keyfold/core'
import { keyFile } from '@keyfold/core/key-file'
import { openDatabase, sqliteBranchKeyStore, sqliteStore } from '@keyfold/sqlite'
import { openLedger, rotate } from '../../src/index.ts'
import type { Reason } from '../../src/index.ts'

const [folder, active, reason, kind] = [process.argv[2]!, Number(process.argv[3]), process.argv[4] as Reason, process.argv[5]]
const key = (index: number): ReturnType<typeof keyFile> => keyFile(join(folder, `k${index}.key`))
const masterKeys = createKeyring({ active: key(active), decryptOnly: Array.from({ length: active }, (_, i) => key(i)) })
const tables = [{ table: 'customers', id: 'id', columns: ['email', 'phone'] }]
const branchKeyStore = sqliteBranchKeyStore(await openDatabase(join(folder, 'app.db')))
const branched = (): ReturnType<typeof createBranchKeys> =>
  createBranchKeys({ keyring: masterKeys, store: branchKeyStore, partition: { by: 'column' } })
const keyring = kind === 'branch-keys' ? branched() : masterKeys
const store = sqliteStore(await openDatabase(join(folder, 'app.db')), { name: 'app.db', tables })
const ledger = await openLedger(join(folder, 'ledger.db'))
process.stdout.write('ready\n')
const { outcome } = await rotate({ stores: [store], keyring, ledger, batch: 100, reason })
ledger.close()
store.close()
branchKeyStore.close()
process.stdout.write(`${outcome}\n`)
