import type { KeyfoldError } from '../errors.ts'
import type { KmsKeyName } from './aws-kms-arn.ts'
import { arnIn } from './aws-kms-arn.ts'
import { isOutOfReach, kmsError } from './aws-kms-errors.ts'
import type { ConnectKms, KmsService } from './aws-kms-service.ts'

/** A key, and the regions in which it may be called. */
export interface KmsPlaces {
  readonly name: KmsKeyName
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
export async function callAnyRegion<T>(places: KmsPlaces, id: string, work: (kms: KmsService, arn: string) => Promise<T>): Promise<T> {
  let first: KeyfoldError | undefined
  for (const region of places.regions) {
    try {
      return await callRegion(places, id, region, work)
    } catch (error) {
      const known = error as KeyfoldError
      // a region without a replica must not make a key look lost that is only out of reach
      const next = isOutOfReach(known) || (first !== undefined && known.code === 'ERR_KEY_NOT_FOUND')
      if (!next) throw known
      first ??= known
    }
  }
  throw first!
}

/** Calls one region. Every error is a KeyfoldError. */
export async function callRegion<T>(
  { name, connect }: KmsPlaces,
  id: string,
  region: string,
  work: (kms: KmsService, arn: string) => Promise<T>,
): Promise<T> {
  try {
    return await work(await connect(region), arnIn(name, region))
  } catch (error) {
    throw kmsError(error, id)
  }
}
