import { isKeyfoldError } from '@keyfold/core'
import { keychain } from '@keyfold/core/keychain'
import type { KeychainOptions } from '@keyfold/core/keychain'

/** Whether a keychain has a key at a place. Throws where it cannot say, and where what it has is no key. */
export async function isInKeychain(place: string, options: KeychainOptions = {}): Promise<boolean> {
  try {
    await keychain(place, options)
    return true
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_KEYCHAIN_ENTRY_MISSING')) return false
    throw error
  }
}
