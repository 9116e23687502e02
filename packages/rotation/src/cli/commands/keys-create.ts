import { mkdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path'
import { KeyfoldError } from '@keyfold/core'
import { createKeyFile, keyFile, keyFileId } from '@keyfold/core/key-file'
import type { Command } from 'commander'
import { hexOf } from '../../key-names.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import type { EscrowFlags } from '../escrow-options.ts'
import { addEscrowOptions } from '../escrow-options.ts'
import { usageError } from '../usage.ts'
import { createInKeychain } from './keychain-create.ts'

interface Flags extends EscrowFlags {
  readonly out?: string
}

/** `keys create`: makes a key file that only its owner can read, or a key in the keychain. The key itself is never printed. */
export function addKeysCreate(keys: Command): void {
  const command = keys
    .command('create')
    .description('make a key file, mode 600, or a key in the keychain with an escrow; neither is ever overwritten')
    .argument('<name>', 'the name of the key, such as 2026q4, or the path of its file; or keychain:service/account')
    .option('--out <path>', 'a folder (made where it is missing), or the file; else the folder keys beside the config')
  addEscrowOptions(command).action((name: string, flags: Flags, self: Command) => finish(create(name, flags, callOf(self))))
}

async function create(name: string, flags: Flags, call: Call): Promise<ExitCode> {
  const { out, ...escrow } = flags
  if (name.startsWith('keychain:')) {
    if (out !== undefined) throw usageError('--out is for key files', 'The place in the keychain is the name: keychain:service/account.')
    return createInKeychain(name, escrow, call)
  }
  if (Object.keys(escrow).length > 0) throw usageError('an escrow is for keys of a keychain', 'A key file is copied like any file.')
  return createFile(name, out, call)
}

async function createFile(name: string, out: string | undefined, { output, config }: Call): Promise<ExitCode> {
  const file = fileFor(name, out, dirname(config ?? '.'))
  // names it first: a wrong name must not leave an empty folder behind
  keyFileId(file)
  makeFolder(dirname(file))
  const id = createKeyFile(file)
  const keyId = hexOf(keyFile(file).keyId)
  output.result('key_created', { id, path: file, keyId }, () => `id    ${id}\nfile  ${file}\nin envelopes as  ${keyId}`)
  output.message(`\nnext: copy ${file} to a safe place (without it nothing that it seals can be opened), then set it in the config:`)
  output.message(
    `  "keyring": { "active": ${JSON.stringify(uriFor(file, dirname(config ?? '.')))}, "decryptOnly": [ the key that was active until now ] }`,
  )
  return EXIT.done
}

function fileFor(name: string, out: string | undefined, configFolder: string): string {
  const isPath = /[/\\]/.test(name) || name.endsWith('.key')
  if (isPath && out !== undefined)
    throw usageError('a path and --out were both given', 'Name the key, and its folder with --out; or its path alone.')
  if (isPath) return name
  if (out === undefined) return join(configFolder, 'keys', `${name}.key`)
  if (out.endsWith('/') || out.endsWith(sep) || extname(out) === '' || isFolder(out)) return join(out, `${name}.key`)
  if (keyFileId(out) === `key-file:${name}`) return out
  throw usageError(`the file ${basename(out)} would be a key of another name`, "A key file's name without its extension is the key's name.")
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new KeyfoldError('ERR_KEY_FILE_ACCESS', `the folder ${folder} cannot be made (${(error as NodeJS.ErrnoException).code})`, {
      hint: 'Check the path, and that this user may write there.',
    })
  }
}

function uriFor(file: string, configFolder: string): string {
  const path = relative(resolve(configFolder), resolve(file)).replaceAll('\\', '/')
  return `key-file:${path.startsWith('../') ? path : `./${path}`}`
}
