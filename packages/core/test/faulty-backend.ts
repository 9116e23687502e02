/** The real backend, whose n-th call (from 0) of GCM may fail as a runtime does, with the keys from which something was derived. */
import type * as Backend from '#backend'

export const faults = { encrypt: Infinity, decrypt: Infinity }
export const hashed: Uint8Array[] = []

export function faulty(backend: typeof Backend): typeof Backend {
  const count = (of: keyof typeof faults): void => {
    if (faults[of]-- === 0) throw new RangeError('memory is out')
  }
  return {
    ...backend,
    hmacSha512(key, message) {
      hashed.push(key)
      return backend.hmacSha512(key, message)
    },
    gcmEncrypt(...args) {
      count('encrypt')
      return backend.gcmEncrypt(...args)
    },
    gcmDecrypt(...args) {
      count('decrypt')
      return backend.gcmDecrypt(...args)
    },
  }
}
