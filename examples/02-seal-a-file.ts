// Seals a file as a stream, opens it, reads a part of it, and shows that a cut file is an error. Memory stays flat at any size.
// Run it: npm run -s node -- examples/02-seal-a-file.ts
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createKeyring, isKeyfoldError, openRange, openStream, sealStream } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-example-'))
try {
  const path = (name: string): string => join(folder, name)
  const [key, plain, sealed, back] = [path('2026q4.key'), path('log'), path('log.kf'), path('log.back')]
  createKeyFile(key)
  writeFileSync(plain, 'one line of a long log\n'.repeat(100_000))
  const keyring = createKeyring({ active: keyFile(key) })
  const context = { file: 'log' }

  await pipeline(createReadStream(plain), Duplex.fromWeb(sealStream(keyring, context)), createWriteStream(sealed))
  await pipeline(createReadStream(sealed), Duplex.fromWeb(openStream(keyring, context)), createWriteStream(back))
  console.log(`${statSync(plain).size} bytes, sealed ${statSync(sealed).size}, opened ${statSync(back).size}`)

  const file = await open(sealed)
  const read = async (offset: number, length: number) => {
    const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, offset)
    return buffer.subarray(0, bytesRead)
  }
  const part = await openRange(keyring, { size: (await file.stat()).size, read }, context, 2_299_977, 2_299_999)
  await file.close()
  console.log(new TextDecoder().decode(part))

  truncateSync(sealed, 154 + 100 * 16_400) // between two chunks
  const opening = pipeline(createReadStream(sealed), Duplex.fromWeb(openStream(keyring, context)), createWriteStream(back))
  await opening.catch((error: unknown) => console.log(isKeyfoldError(error) ? `${error.code}: ${error.message}` : error))
} finally {
  rmSync(folder, { recursive: true })
}
// prints: 2300000 bytes, sealed 2302410, opened 2300000
// prints: one line of a long log
// prints: ERR_ENVELOPE_MALFORMED: the stream is cut
