// Makes versions 1 to 50 of one partition, with keys of its own, and says which of them it won.
import { randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { fileBranchKeyStore } from '../../src/branch-key-file.ts'

const [path] = process.argv.slice(2)
const store = fileBranchKeyStore(path!)
for (let version = 1; version <= 50; version++) {
  const keyId = Uint8Array.from(randomBytes(12))
  const won = store.insert({ partition: 'p', version, keyId, createdAt: 1, sealed: Uint8Array.from(randomBytes(150)) })
  if (won) writeSync(1, `${version} ${Buffer.from(keyId).toString('hex')}\n`)
}
