import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import type { Peer } from './peer.ts'
import { checkOpened } from './peer.ts'

/** The age format in TypeScript, for one X25519 recipient. */
export async function load(): Promise<Peer[]> {
  const identity = await generateX25519Identity()
  const [encrypter, decrypter] = [new Encrypter(), new Decrypter()]
  encrypter.addRecipient(await identityToRecipient(identity))
  decrypter.addIdentity(identity)
  return [
    {
      name: 'age-encryption, X25519', library: 'age-encryption', freshKey: true, bindsContext: false,
      lacks: 'no context; made for files; public-key, so whoever has the recipient can seal',
      async prepare(payload) {
        const sealed = await encrypter.encrypt(payload)
        checkOpened('age-encryption', await decrypter.decrypt(sealed), payload)
        return { seal: () => encrypter.encrypt(payload), open: () => decrypter.decrypt(sealed), bytes: sealed.length }
      },
    },
  ]
}
