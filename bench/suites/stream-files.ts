/** What does sealing a file cost, against `openssl enc -aes-256-ctr`, which authenticates nothing? Files are dealt with as docs/streams.md says. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, createReadStream, createWriteStream, statSync } from 'node:fs'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { KeySource } from '@keyfold/core'
import { openStream, sealStream } from '@keyfold/core'
import type { Effort } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Result } from '../report.ts'
import { compared } from '../report.ts'

const MIB = 2 ** 20
const PIECE = 2 ** 20
const CONTEXT = { file: 'bench' }
/** Of whole files, which are no matter of microseconds. */
const ROUNDS = 9

/** Why files cannot be compared here; undefined where they can. */
export function whyNoOpenssl(): string | undefined {
  const { status, error } = spawnSync('openssl', ['version'])
  return status === 0 ? undefined : `no files against openssl enc: ${error?.message ?? `openssl version ended with ${status}`}`
}

/** Nothing is written to a disk that would be measured instead. */
export async function benchFiles(folder: string, mebibytes: number, keyring: KeySource, effort: Effort): Promise<Result[]> {
  const [plain, sealed] = [join(folder, 'plain'), join(folder, 'sealed')]
  const piece = randomBytes(MIB)
  for (let i = 0; i < mebibytes; i++) appendFileSync(plain, piece)
  await run(plain, sealStream(keyring, CONTEXT), sealed)
  if (statSync(sealed).size <= statSync(plain).size) throw new Error('the sealed file is cut')
  const { seal, open, openssl } = await interleave(
    {
      seal: () => run(plain, sealStream(keyring, CONTEXT), devNull),
      open: () => run(sealed, openStream(keyring, CONTEXT), devNull),
      openssl: () => opensslEnc(plain),
    },
    { ...effort, rounds: ROUNDS, fewest: Math.min(effort.fewest, ROUNDS) },
  )
  const name = `a file of ${mebibytes} MiB (floor: openssl enc -aes-256-ctr)`
  return [compared(`seal ${name}`, seal, openssl, mebibytes), compared(`open ${name}`, open, openssl, mebibytes)]
}

function run(from: string, transform: TransformStream<Uint8Array, Uint8Array>, to: string): Promise<void> {
  return pipeline(createReadStream(from, { highWaterMark: PIECE }), Duplex.fromWeb(transform), createWriteStream(to, { highWaterMark: 2 * PIECE }))
}

function opensslEnc(file: string): void {
  const secrets = ['-K', '11'.repeat(32), '-iv', '22'.repeat(16)] // of nobody: a benchmark
  const { status } = spawnSync('openssl', ['enc', '-aes-256-ctr', ...secrets, '-in', file, '-out', devNull])
  if (status !== 0) throw new Error(`openssl enc ended with ${status}`)
}
