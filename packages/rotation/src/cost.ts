/** AWS's list price for requests to KMS, $0.03 for 10,000, in millionths of a US dollar. */
const MICRO_USD_PER_REQUEST = 3

/** What calls of key wrappers cost; whole numbers, since plans hold no others. */
export interface Cost {
  /** Millionths of a US dollar. */
  readonly microUsd: number
  readonly basis: string
}

/** What calls of key wrappers cost, by the ids of the keys. Only those of AWS KMS have a price here. */
export function costOf(keyCalls: Readonly<Record<string, number>>): Cost {
  const calls = Object.entries(keyCalls).reduce((sum, [id, count]) => (id.startsWith('aws-kms:') ? sum + count : sum), 0)
  return { microUsd: calls * MICRO_USD_PER_REQUEST, basis: 'AWS KMS list price of $0.03 for 10,000 requests' }
}
