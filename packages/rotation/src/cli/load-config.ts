import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { KeyfoldError } from '@keyfold/core'
import type { Config } from '../config-schema.ts'
import { defineConfig } from '../config.ts'
import { rotationError } from '../errors.ts'
import { configError, parseConfig, parseConfigFile } from '../parse-config.ts'
import { JSON_LIMITS } from '../strict-json.ts'

/** Where a config is looked for in the working folder, in this order. */
export const CONFIG_NAMES = ['kms-rotate.config.ts', 'kms-rotate.config.json'] as const

export interface LoadedConfig {
  readonly config: Config
  /** As the user named it, for messages. */
  readonly file: string
  /** Turns a path of the config into one that can be opened: relative ones start at the config's folder. */
  path(relative: string): string
}

/**
 * Finds, reads and checks the config.
 *
 * @param file of `--config`; where it is left out, the known names in the working folder
 * @throws KeyfoldError ERR_CONFIG_MISSING, ERR_CONFIG_INVALID, ERR_LIMIT, ERR_POLICY_UNSUPPORTED
 */
export async function loadConfig(file: string | undefined): Promise<LoadedConfig> {
  const name = file ?? foundConfig()
  const config = name.endsWith('.ts') ? await importConfig(name) : parseConfigFile(readConfig(name), name)
  refusePolicy(config)
  const folder = dirname(resolve(name))
  return { config, file: name, path: (relative) => resolve(folder, relative) }
}

function foundConfig(): string {
  const found = CONFIG_NAMES.filter((name) => existsSync(name))
  if (found.length > 1) throw configError(`both ${found.join(' and ')} are here; name one with --config FILE`)
  if (found[0] === undefined) throw missing('there is no kms-rotate.config.ts or .json in this folder')
  return found[0]
}

function missing(fact: string): KeyfoldError {
  return new KeyfoldError('ERR_CONFIG_MISSING', fact, { hint: 'Make one with `kms-rotate init`, or name yours with --config FILE.' })
}

/** Reads one byte more than is allowed, so that a huge file costs nothing before it is refused. */
function readConfig(name: string): Uint8Array {
  const fd = openConfig(name)
  try {
    if (!fstatSync(fd).isFile()) throw configError(`${name} is not a regular file`)
    const bytes = new Uint8Array(JSON_LIMITS.bytes + 1)
    let length = 0
    for (let n = -1; n !== 0 && length < bytes.length; length += n) n = readSync(fd, bytes, length, bytes.length - length, null)
    return bytes.subarray(0, length)
  } finally {
    closeSync(fd)
  }
}

function openConfig(name: string): number {
  try {
    return openSync(name, 'r')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw missing(code === 'ENOENT' ? `there is no file ${name}` : `${name} cannot be read (${code})`)
  }
}

/** A config in TypeScript is a program of the user's own: it runs as whoever starts the command, like any script. */
async function importConfig(name: string): Promise<Config> {
  if (!existsSync(name)) throw missing(`there is no file ${name}`)
  const { createJiti } = await import('jiti')
  // `defineConfig` is found even where the command is installed elsewhere, as a global one is.
  const virtualModules = { '@keyfold/rotation': { defineConfig } }
  const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false, virtualModules })
  let value: unknown
  try {
    value = await jiti.import(resolve(name), { default: true })
  } catch (error) {
    // Its message may quote the source.
    throw new KeyfoldError('ERR_CONFIG_INVALID', `${name} cannot be run (${(error as Error).name})`, {
      hint: 'Run the file with node to see what is wrong with it. It exports the config by default: export default defineConfig({ … }).',
      cause: error,
    })
  }
  return parseConfig(value, name)
}

/** Asking for what this release cannot check must never look like having been checked. */
function refusePolicy({ policy }: Config): void {
  if (policy.approvals === 0 && policy.approvers === undefined) return
  throw rotationError('ERR_POLICY_UNSUPPORTED', 'the policy asks for approvals, which this release cannot check')
}
