import { spawnSync } from 'node:child_process'
import { join, relative } from 'node:path'
import { KeyfoldError } from '@keyfold/core'
import type { Folder } from './folder.ts'
import { say } from './show.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'packages', 'rotation', 'dist', 'cli', 'main.js')

/** `kms-rotate`, run as a process of its own and shown as it would be typed. */
export class Cli {
  readonly #folder: Folder

  constructor(folder: Folder) {
    this.#folder = folder
  }

  /** Runs one command; its output goes where ours goes. ERR_COMMAND where it does not end with 0. */
  run(...args: string[]): void {
    const shown = args.map((arg) =>
      relative(this.#folder.path, arg).startsWith('..') || !arg.startsWith('/') ? arg : relative(this.#folder.path, arg),
    )
    say(`\n   $ kms-rotate ${shown.join(' ')}`)
    const needsConfig = args[0] !== 'keys' || args[1] !== 'create'
    const config = needsConfig ? ['--config', this.#folder.config] : []
    const { status } = spawnSync(process.execPath, [MAIN, ...args, ...config], { stdio: 'inherit', cwd: this.#folder.path })
    if (status === 0) return
    throw new KeyfoldError('ERR_COMMAND', `kms-rotate ${shown.join(' ')} ended with ${status}`, {
      hint: `Its files are in ${this.#folder.path}`,
    })
  }
}
