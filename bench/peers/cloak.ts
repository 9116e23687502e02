import { decryptStringSync, encryptStringSync, generateKey, parseKeySync } from '@47ng/cloak'
import type { Peer } from './peer.ts'
import { checkOpened } from './peer.ts'

/** What prisma-field-encryption does with a column: one key for all records. */
export async function load(): Promise<Peer[]> {
  const key = parseKeySync(generateKey())
  return [
    {
      name: '@47ng/cloak (prisma-field-encryption)', library: '@47ng/cloak', freshKey: false, bindsContext: false,
      lacks: 'one key for all records, no context, no key commitment',
      async prepare(payload) {
        // ASCII of the same length: the library takes text alone, and UTF-8 of random bytes would be longer
        const text = Buffer.from(payload.map((byte) => 0x20 + (byte & 0x3f))).toString('latin1')
        const sealed = encryptStringSync(text, key)
        checkOpened('@47ng/cloak', decryptStringSync(sealed, key), Buffer.from(text))
        return { seal: () => encryptStringSync(text, key), open: () => decryptStringSync(sealed, key), bytes: sealed.length }
      },
    },
  ]
}
