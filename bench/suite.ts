/** What a suite is, and what most of them start from. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SyncBatchKeyWrapper } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import type { Effort } from './interleave.ts'
import type { Section } from './report.ts'

interface Options {
  readonly effort: Effort
  /** Whether the figures are only to show that a suite runs. */
  readonly quick: boolean
  /** Rows of the databases that are rotated and counted. */
  readonly rows: number
  /** MiB of the stream whose memory is measured. */
  readonly streamMiB: number
}

/** What a process is to do that runs one suite. */
export interface SuiteOrder {
  readonly name: string
  readonly options: Options
}

/** One question. `name` is what `--only` takes. */
export interface Suite {
  readonly name: string
  run(options: Options): Promise<Section>
}

export const CONTEXT = { table: 'users', column: 'ssn', id: '42' } as const
/** The canonical encoding of CONTEXT. */
export const CANONICAL_CONTEXT = Buffer.from('03060003636f6c756d6e73736e020002696434320500057461626c657573657273', 'hex')

export const SIZES = [
  ['64 B', 64],
  ['256 B', 256],
  ['1 KiB', 1024],
  ['64 KiB', 65_536],
  ['1 MiB', 2 ** 20],
] as const

/** Runs with a folder that is removed afterwards. */
export async function inFolder<T>(run: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-bench-'))
  try {
    return await run(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The wrapper of a new key file. */
export function newKeyFile(folder: string, name: string): SyncBatchKeyWrapper {
  createKeyFile(join(folder, `${name}.key`))
  return keyFile(join(folder, `${name}.key`)) as SyncBatchKeyWrapper
}
