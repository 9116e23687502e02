/**
 * The real backend, with a count of the stream keys that it was given, of those that it has not been told to forget, and of the chunks that they
 * sealed or opened; with the buffers in which it got them and what they are derived from, and those that it opened chunks into. In a test file:
 * `vi.mock('#backend', async (importOriginal) => (await import('./counted-backend.ts')).counted(await importOriginal()))`
 */
import type * as Backend from '#backend'

export const keys = { made: 0, alive: 0, chunks: 0 }
export const keyBuffers: Uint8Array[] = []
export const openedBuffers: Uint8Array[] = []

export function counted(backend: typeof Backend): typeof Backend {
  return {
    ...backend,
    hmacSha512(key, message) {
      keyBuffers.push(key)
      return backend.hmacSha512(key, message)
    },
    gcmStream(key) {
      keyBuffers.push(key)
      const cipher = backend.gcmStream(key)
      let wiped = false
      keys.made++
      keys.alive++
      return {
        seal(...args) {
          keys.chunks++
          cipher.seal(...args)
        },
        open(nonce, sealed, out) {
          keys.chunks++
          openedBuffers.push(out)
          return cipher.open(nonce, sealed, out)
        },
        wipe() {
          if (!wiped) keys.alive--
          wiped = true
          cipher.wipe()
        },
      }
    },
  }
}
