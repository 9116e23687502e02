import type { Config } from '../config-schema.ts'
import type { Json } from '../index.ts'

/** More than any plan has; `parsePlan` knows the exact limit. */
export const MAX_PLAN_BYTES = 16 * 1024 * 1024

/** What of a config a plan is bound to: keys, columns and policy. Moving the ledger changes nothing that a run does. */
export function boundConfig({ keyring, branchKeys, stores, policy, awsKms }: Config): Json {
  // of a checked config nothing but texts, whole numbers, flags, lists and objects is left
  return structuredClone({ keyring, ...(branchKeys && { branchKeys }), stores, policy, ...(awsKms && { awsKms }) })
}
