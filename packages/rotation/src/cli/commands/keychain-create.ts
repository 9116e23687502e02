import { randomBytes } from 'node:crypto'
import { isKeyfoldError, KeyfoldError } from '@keyfold/core'
import { importKeychainKey, keychainId, localKeyId } from '@keyfold/core/keychain'
import { hexOf } from '../../key-names.ts'
import type { Call } from '../command.ts'
import type { EscrowFlags } from '../escrow-options.ts'
import { confirmEscrow, escrowOf, escrowText, knownKeyIds, refuseUnconfirmable } from '../escrow-options.ts'
import type { Escrow } from '../escrow.ts'
import { writeEscrow } from '../escrow.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { isInKeychain } from '../in-keychain.ts'
import type { LoadedConfig } from '../load-config.ts'
import { loadConfig } from '../load-config.ts'

/**
 * `keys create keychain:service/account`. The escrow comes first, is read back, and is confirmed; the key is put to use only then. So no key seals
 * anything that is lost with its machine.
 */
export async function createInKeychain(uri: string, flags: EscrowFlags, { output, config }: Call): Promise<ExitCode> {
  const id = keychainId(uri)
  refuseUnconfirmable(flags)
  const loaded = await loadConfig(config)
  await refuseTaken(id, uri, loaded)
  const escrow = await escrowOf(id, flags, loaded)
  const kek = randomBytes(32)
  try {
    const keyId = hexOf(localKeyId(kek))
    await writeEscrow(escrow, kek)
    const confirmed = await confirmEscrow(escrow, keyId, flags, loaded)
    await putIn(uri, kek, escrow)
    output.result('key_created', { id, keyId, escrow: confirmed }, () => escrowText(confirmed))
  } finally {
    kek.fill(0)
  }
  output.message('\nnext: set it in the config:')
  output.message(`  "keyring": { "active": ${JSON.stringify(uri)}, "decryptOnly": [ the key that was active until now ] }`)
  return EXIT.done
}

/** Before anything is asked or written: the name must be free, in the keychain and in the ledger. */
async function refuseTaken(id: string, uri: string, loaded: LoadedConfig): Promise<void> {
  const known = await knownKeyIds(id, loaded)
  if (known.length > 0)
    throw new KeyfoldError('ERR_KEY_MISMATCH', `the ledger knows a key ${id} already (${known.join(', ')})`, {
      hint: 'Bring that key back with `kms-rotate keychain restore`, or give the new key another name.',
    })
  if (await isInKeychain(uri)) throw new KeyfoldError('ERR_KEYCHAIN_ENTRY_EXISTS', `${id} has an entry already`)
}

async function putIn(uri: string, kek: Uint8Array, { file, under }: Escrow): Promise<void> {
  try {
    await importKeychainKey(uri, kek)
  } catch (error) {
    if (!isKeyfoldError(error)) throw error
    const hint = `Once that is mended: kms-rotate keychain restore ${uri} --escrow-from ${file}${under === undefined ? '' : ' --escrow-under KEY'}`
    throw new KeyfoldError(error.code, `the escrow is made, the key is not in the keychain: ${error.message}`, { hint, cause: error })
  }
}
