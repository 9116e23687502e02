/**
 * Seals records of the same partitions as others that start at the same time, each under branch keys of its own making or of theirs, and prints
 * the envelopes as JSON.
 */
import { createBranchKeys, createKeyring, seal } from '@keyfold/core'
import { keyFile } from '@keyfold/core/key-file'
import { openDatabase, sqliteBranchKeyStore } from '../../src/index.ts'

const [path, key, name, start] = process.argv.slice(2) as [string, string, string, string]
const store = sqliteBranchKeyStore(await openDatabase(path))
const keys = createBranchKeys({ keyring: createKeyring({ active: keyFile(key) }), store, partition: { by: 'tenant' } })
while (Date.now() < Number(start)) await new Promise((resolve) => setTimeout(resolve, 1))
const sealed = Array.from({ length: 20 }, async (_, i) => {
  const context = { tenant: String(i), id: name }
  return [context, Buffer.from(await seal(keys, `record ${i} of ${name}`, context)).toString('base64')]
})
process.stdout.write(JSON.stringify(await Promise.all(sealed)))
store.close()
