/** FIPS mode, for Node.js alone: an entry of its own, so that no other asks for node:crypto. */
import { createCipheriv, createHash, getFips } from 'node:crypto'
import * as backend from '#backend'
import { requireApproved } from './approved.ts'
import { KeyfoldError } from './errors.ts'
import { selfTest } from './fips-self-test.ts'

/** What an OpenSSL in FIPS mode must refuse. */
const UNAPPROVED: Readonly<Record<string, () => unknown>> = {
  MD5: () => createHash('md5').update('').digest(),
  'ChaCha20-Poly1305': () => createCipheriv('chacha20-poly1305', new Uint8Array(32), new Uint8Array(12), { authTagLength: 16 }),
}

/**
 * Binds this program to approved cryptography: it ends with an error unless Node's OpenSSL is in FIPS mode, every algorithm that Keyfold uses passes
 * a self-test there, and what is not approved is refused by OpenSSL itself. From then on Keyfold refuses suites and backends that are not approved,
 * and everything once FIPS mode is switched off; there is no way back. Call it first of all, and in each worker thread.
 *
 * It cannot tell whether the module behind it is validated, or is the version that a certificate names: docs/fips.md says what to check.
 *
 * @throws KeyfoldError ERR_FIPS, which says what is missing
 * @example
 * import { requireFips } from '@keyfold/core/fips'
 * requireFips()
 */
export function requireFips(): void {
  if (!backend.BACKEND.fips) throw new KeyfoldError('ERR_FIPS', `Keyfold runs on ${backend.BACKEND.name} here, which is no FIPS module`)
  if (getFips() !== 1) throw new KeyfoldError('ERR_FIPS', 'FIPS mode of node:crypto is off')
  selfTest(backend)
  for (const [name, use] of Object.entries(UNAPPROVED)) assertRefused(name, use)
  requireApproved(() => getFips() === 1)
}

function assertRefused(name: string, use: () => unknown): void {
  try {
    use()
  } catch {
    return
  }
  throw new KeyfoldError('ERR_FIPS', `${name} works, so node:crypto does not keep to its FIPS provider`)
}
