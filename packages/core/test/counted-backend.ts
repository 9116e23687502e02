/**
 * The real backend, with a count of the stream keys that it was given and has not been told to forget. In a test file:
 * `vi.mock('#backend', async (importOriginal) => (await import('./counted-backend.ts')).counted(await importOriginal()))`
 */
import type * as Backend from '#backend'

export const keys = { made: 0, alive: 0 }

export function counted(backend: typeof Backend): typeof Backend {
  return {
    ...backend,
    gcmStream(key) {
      const cipher = backend.gcmStream(key)
      let wiped = false
      keys.made++
      keys.alive++
      return {
        ...cipher,
        wipe() {
          if (!wiped) keys.alive--
          wiped = true
          cipher.wipe()
        },
      }
    },
  }
}
