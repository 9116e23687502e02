import type { KeyfoldError } from '../errors.ts'
import { isOutOfReach, kmsError } from './aws-kms-errors.ts'
import type { ConnectKms, KmsService } from './aws-kms-service.ts'

/** Where a key may be called. */
export interface KmsPlaces {
  /** In the order in which they are called; the next one where one is out of reach. */
  readonly regions: readonly string[]
  readonly connect: ConnectKms
}

/**
 * Calls the first region that can be reached; what it says is final.
 *
 * @param id the wrapper's, for errors
 * @throws KeyfoldError the first region's error where none can be reached
 */
export async function callAnyRegion<T>(
  { regions, connect }: KmsPlaces,
  id: string,
  work: (kms: KmsService, region: string) => Promise<T>,
): Promise<T> {
  let first: KeyfoldError | undefined
  for (const region of regions) {
    try {
      return await work(await connect(region), region)
    } catch (error) {
      const known = kmsError(error, id)
      // a region without a replica must not make a key look lost that is only out of reach
      const next = isOutOfReach(known) || (first !== undefined && known.code === 'ERR_KEY_MISSING')
      if (!next) throw known
      first ??= known
    }
  }
  throw first!
}
