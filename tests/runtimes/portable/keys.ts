import type { Keyring } from '@keyfold/core'
import { createKeyring } from '@keyfold/core'
import { insecureRawKey } from '@keyfold/core/raw-key'
import { insecureBytes, unhex } from './case.ts'

export type LocalKeyring = Keyring<ReturnType<typeof insecureRawKey>>

export const insecureKey = (seed: number): ReturnType<typeof insecureRawKey> => insecureRawKey(`insecure-${seed}`, insecureBytes(32, seed))

/** The keyring that seals what the runtimes give each other. */
export const sharedKeyring = (): LocalKeyring => createKeyring({ active: insecureKey(1), decryptOnly: [insecureKey(2)] })

/** A keyring that opens with `keks`, in hex; where a case has none, with a key that is in no case. */
export function keyringOf(keks: readonly string[]): LocalKeyring {
  const [active = insecureKey(3), ...decryptOnly] = keks.map((kek, i) => insecureRawKey(`vector-${i}`, unhex(kek)))
  return createKeyring({ active, decryptOnly })
}
