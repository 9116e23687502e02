import { KeyfoldError } from '@keyfold/core'
import { importKeychainKey, insecureReadKeychainKey, keychain, keychainId } from '@keyfold/core/keychain'
import type { KeychainBackend } from '@keyfold/core/keychain'
import type { Command } from 'commander'
import { Option } from 'commander'
import { hexOf } from '../../key-names.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { isInKeychain } from '../in-keychain.ts'
import { namedKeys } from '../keys.ts'
import { loadConfig } from '../load-config.ts'
import { table } from '../table.ts'
import { usageError } from '../usage.ts'

interface Migrated {
  readonly id: string
  /** 24 hex digits, the same in both entries. */
  readonly keyId: string
  readonly outcome: 'copied' | 'already-there'
}

/** `keychain migrate`: copies keys from one library's entries to the other's, which on Linux cannot read them. Keeps the old ones. */
export function addKeychainMigrate(parent: Command): void {
  parent
    .command('migrate')
    .description('copy keys to entries that the other library reads, compare them, and keep the old entries')
    .argument('[keys...]', 'keychain:service/account; without any, all of the config')
    .addOption(new Option('--from <library>', 'the library that made the entries').choices(['keytar', 'keyring']).makeOptionMandatory())
    .action((uris: string[], { from }: { from: KeychainBackend }, command: Command) => finish(migrate(uris, from, callOf(command))))
}

async function migrate(uris: readonly string[], from: KeychainBackend, { output, config }: Call): Promise<ExitCode> {
  const to = from === 'keytar' ? 'keyring' : 'keytar'
  const places = [...new Set((uris.length > 0 ? uris : await configured(config)).map(keychainId))]
  const keys: Migrated[] = []
  for (const place of places) keys.push(await migrateOne(place, from, to))
  output.result('keychain_migrated', { from, to, keys }, () =>
    table(['KEY', 'IN ENVELOPES AS', 'OUTCOME'], keys.map(({ id, keyId, outcome }) => [id, keyId, outcome])),
  )
  output.message(`\nevery key was read back from its new entry. The entries of ${from} are kept: remove them by hand once nothing reads them.`)
  output.message(`next: ${to === 'keytar' ? 'add ?backend=keytar to' : 'take ?backend=keytar off'} these keys in the config`)
  return EXIT.done
}

async function configured(config: string | undefined): Promise<readonly string[]> {
  const uris = namedKeys(await loadConfig(config))
    .map(({ uri }) => uri)
    .filter((uri) => uri.startsWith('keychain:'))
  if (uris.length === 0) throw usageError('the config has no key of a keychain', 'Name the keys: keychain:service/account.')
  return uris
}

async function migrateOne(id: string, from: KeychainBackend, to: KeychainBackend): Promise<Migrated> {
  const kek = await insecureReadKeychainKey(id, { backend: from })
  try {
    const outcome = (await isInKeychain(id, { backend: to })) ? 'already-there' : 'copied'
    await importKeychainKey(id, kek, { backend: to })
    return { id, keyId: await compare(id, from, to), outcome }
  } finally {
    kek.fill(0)
  }
}

/** Reads both entries anew. */
async function compare(id: string, from: KeychainBackend, to: KeychainBackend): Promise<string> {
  const [before, after] = [await keychain(id, { backend: from }), await keychain(id, { backend: to })].map(({ keyId }) => hexOf(keyId))
  if (before === after) return before!
  throw new KeyfoldError('ERR_KEY_MISMATCH', `the entry of ${to} for ${id} is ${after}, that of ${from} is ${before}`)
}
