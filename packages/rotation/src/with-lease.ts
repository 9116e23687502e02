import type { Ledger } from './ledger/types.ts'

/**
 * Does work that no other run may do at the same time.
 *
 * @throws KeyfoldError ERR_LEASE_HELD, and what the work throws
 */
export async function withLease<T>({ leases }: Ledger, work: () => Promise<T>): Promise<T> {
  leases.acquire()
  try {
    return await work()
  } finally {
    releaseQuietly(leases)
  }
}

/** Perhaps on the way out of an error that must not be hidden; a lease that is not given back is taken over. */
function releaseQuietly(leases: Ledger['leases']): void {
  try {
    leases.release()
  } catch {
    // the next run looks whether this process lives
  }
}
