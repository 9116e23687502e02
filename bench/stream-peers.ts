/**
 * By hand: `npm run -s node -- bench/stream-peers.ts`. Sealing and opening a file against `openssl enc -aes-256-ctr`, which authenticates
 * nothing, and the memory that 4 GiB take through sealing and opening. Needs openssl, and 512 MiB of room for temporary files.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createKeyring, openStream, sealStream } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { interleave } from './interleave.ts'

const PIECE = 2 ** 18
const ROUNDS = 7

async function benchFiles(mebibytes: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-bench-'))
  try {
    const [key, plain, sealed] = [join(folder, 'bench.key'), join(folder, 'plain'), join(folder, 'sealed')]
    createKeyFile(key)
    const keyring = createKeyring({ active: keyFile(key) })
    const context = { file: 'bench' }
    const run = (from: string, transform: TransformStream<Uint8Array, Uint8Array>, to: string): Promise<void> =>
      pipeline(createReadStream(from, { highWaterMark: PIECE }), Duplex.fromWeb(transform), createWriteStream(to))
    const chunk = randomBytes(2 ** 20)
    for (let i = 0; i < mebibytes; i++) writeFileSync(plain, chunk, { flag: 'a' })
    await run(plain, sealStream(keyring, context), sealed)
    const timings = await interleave(
      {
        'openssl enc -aes-256-ctr': async () => openssl(plain),
        'cp to /dev/null': () => pipeline(createReadStream(plain, { highWaterMark: PIECE }), createWriteStream('/dev/null')),
        'sealStream': () => run(plain, sealStream(keyring, context), '/dev/null'),
        'openStream': () => run(sealed, openStream(keyring, context), '/dev/null'),
      },
      { rounds: ROUNDS, fewest: ROUNDS, budgetMs: 0, roundMs: 1, warmMs: 0 },
    )
    for (const [name, { us }] of Object.entries(timings)) console.log(`${name.padEnd(26)} ${(statSync(plain).size / us).toFixed(0).padStart(6)} MB/s`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function openssl(file: string): void {
  const secrets = ['-K', '11'.repeat(32), '-iv', '22'.repeat(16)] // of nobody: a benchmark
  const { status } = spawnSync('openssl', ['enc', '-aes-256-ctr', ...secrets, '-in', file, '-out', '/dev/null'])
  if (status !== 0) throw new Error('openssl failed')
}

await benchFiles(256)
const child = join(import.meta.dirname, '..', 'packages', 'core', 'test', 'children', 'stream-memory.ts')
const { stdout } = spawnSync(process.execPath, ['--conditions=@keyfold/source', child, '4096'], { encoding: 'utf8' })
console.log(`4 GiB sealed and opened, not written: ${stdout.trim()}`)
