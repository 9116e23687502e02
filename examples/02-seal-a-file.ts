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
  const [key, plain, sealed, back] = ['2026q4.key', 'log', 'log.kf', 'log.back'].map((name) => join(folder, name)) as [string, string, string, string]
  createKeyFile(key)
  writeFileSync(plain, 'one line of a long log\n'.repeat(100_000))
  const keyring = createKeyring({ active: keyFile(key) })
  const [context, pieces, room] = [{ file: 'log' }, { highWaterMark: 1_048_576 }, { highWaterMark: 2_097_152 }] // room for one piece more
  await pipeline(createReadStream(plain, pieces), Duplex.fromWeb(sealStream(keyring, context)), createWriteStream(sealed, room))
  await pipeline(createReadStream(sealed, pieces), Duplex.fromWeb(openStream(keyring, context)), createWriteStream(back, room))
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
  await pipeline(createReadStream(sealed), Duplex.fromWeb(openStream(keyring, context)), createWriteStream(back)).catch((error: unknown) =>
    console.log(isKeyfoldError(error) ? `${error.code}: ${error.message}` : error))
} finally {
  rmSync(folder, { recursive: true })
}
// prints: 2300000 bytes, sealed 2302410, opened 2300000
// prints: one line of a long log
// prints: ERR_ENVELOPE_MALFORMED: the stream is cut
