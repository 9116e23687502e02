// Branch keys: the master key is called once for a tenant, records are sealed without it, and a tenant can be forgotten.
// Run it: npm run -s node -- examples/03-branch-keys.ts
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBranchKeys, createKeyring, isKeyfoldError, openText, openTextSync, rewrapBranchKeys, seal, sealSync } from '@keyfold/core'
import { fileBranchKeyStore } from '@keyfold/core/branch-key-file'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-example-'))
const [q3, q4] = ['2026q3.key', '2026q4.key'].map((name) => join(folder, name)) as [string, string]
createKeyFile(q3)
createKeyFile(q4)

// In production the active key is one of a key service: awsKms('arn:aws:kms:…')
const store = fileBranchKeyStore(join(folder, 'branch-keys.log'))
const keys = createBranchKeys({ keyring: createKeyring({ active: keyFile(q3) }), store, partition: { by: 'tenant' } })

const context = { tenant: '7', table: 'notes', id: '1' }
const envelope = await seal(keys, 'a note', context) // makes the tenant's branch key
console.log('opened:', await openText(keys, envelope, context))

await keys.unlock(['7', '8']) // from here on nothing waits, until the time to live is over
console.log('sync:  ', openTextSync(keys, sealSync(keys, 'another', { tenant: '8' }), { tenant: '8' }))

const next = createKeyring({ active: keyFile(q4), decryptOnly: [keyFile(q3)] })
for await (const { seen, rewrapped } of rewrapBranchKeys(next, store)) console.log('rewrapped:', rewrapped, 'of', seen, 'branch keys')
const rotated = createBranchKeys({ keyring: createKeyring({ active: keyFile(q4) }), store, partition: { by: 'tenant' } })
console.log('under the new master key:', await openText(rotated, envelope, context))

const { keyIds } = await rotated.destroy('7')
const gone = await openText(rotated, envelope, context).catch((error: unknown) => error)
console.log(keyIds.length, 'key destroyed:', isKeyfoldError(gone) ? gone.code : 'it opened')
rmSync(folder, { recursive: true })

// prints: opened: a note
// prints: sync:   another
// prints: rewrapped: 2 of 2 branch keys
// prints: under the new master key: a note
// prints: 1 key destroyed: ERR_BRANCH_KEY_DESTROYED
