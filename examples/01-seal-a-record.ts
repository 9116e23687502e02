// Seals one record under a key file, opens it, and shows what keeps it in its place.
// Run it: npm run -s node -- examples/01-seal-a-record.ts
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyring, inspect, KeyfoldError, openText, seal } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-example-'))
try {
  const path = join(folder, '2026q4.key')
  createKeyFile(path) // mode 600; `kms-rotate keys create` does the same
  const keyring = createKeyring({ active: keyFile(path) })

  const context = { table: 'users', column: 'ssn', id: '42' }
  const envelope = await seal(keyring, '078-05-1120', context)
  console.log(`${envelope.length} bytes, sealed under a key that is known without the key: ${inspect(envelope).keyId.length > 0}`)
  console.log(await openText(keyring, envelope, context))

  // The same bytes in another row do not open.
  await openText(keyring, envelope, { ...context, id: '43' }).catch((error: unknown) => {
    if (!(error instanceof KeyfoldError)) throw error
    console.log(`${error.code}: ${error.message}`)
  })
} finally {
  rmSync(folder, { recursive: true })
}

// prints: 129 bytes, sealed under a key that is known without the key: true
// prints: 078-05-1120
// prints: ERR_NOT_AUTHENTIC
