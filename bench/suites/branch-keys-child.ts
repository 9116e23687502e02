// branch-keys-child.ts key-file FILE | branch-keys ARN ENDPOINT: seals records of 256 B, and prints how many milliseconds that took. What a process
// does once in its life (start, imports) is left out; every call of the key service is in.
import { randomBytes } from 'node:crypto'
import '@aws-sdk/client-kms'
import type { KeySource } from '@keyfold/core'
import { createBranchKeys, createKeyring, memoryBranchKeyStore, seal } from '@keyfold/core'
import { awsKms } from '@keyfold/core/aws-kms'
import { keyFile } from '@keyfold/core/key-file'

const [mode, key = '', endpoint = '', count = '0'] = process.argv.slice(2)
const payload = randomBytes(256)
const started = performance.now()
const keys: KeySource =
  mode === 'key-file'
    ? createKeyring({ active: keyFile(key) })
    : createBranchKeys({
        keyring: createKeyring({ active: awsKms(key, { endpoint }) }),
        store: memoryBranchKeyStore(),
        partition: { by: 'table' },
      })
for (let i = 0; i < Number(count); i++) await seal(keys, payload, { table: 'users', column: 'ssn', id: String(i) })
process.stdout.write(`${performance.now() - started}\n`)
