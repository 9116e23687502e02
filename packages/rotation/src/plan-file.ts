import { createHash } from 'node:crypto'
import type { KeyfoldError } from '@keyfold/core'
import { isKeyfoldError } from '@keyfold/core'
import * as z from 'zod'
import type { Json } from './canonical-json.ts'
import { canonicalJson, prettyJson } from './canonical-json.ts'
import { rotationError } from './errors.ts'
import { parseStrictJson } from './strict-json.ts'

const MAX_PLAN_BYTES = 16 * 1024 * 1024
const text = z.string().max(4096)
const count = z.int().min(0)
const time = z.iso.datetime()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const keyId = z.string().regex(/^[0-9a-f]{24}$/)
/** `destroyed` is there where the keys are branch keys: records that nothing opens any more, on purpose. */
const work = { seal: count, rewrap: count, reencrypt: count, blocked: count, destroyed: count.optional() }

const column = z.strictObject({
  store: text, table: text, column: text,
  total: count, null: count, plaintext: count, malformed: count,
  byKey: z.record(text, count),
  ...work,
})

/** What must still be so when the plan is run. */
const binds = z.strictObject({
  /** SHA-256 over the canonical JSON of the configuration; null where there was none. */
  config: sha256.nullable(),
  keys: z.array(z.strictObject({ id: text, keyId, role: z.enum(['active', 'decrypt-only']) })),
  /** The keys that records claimed, 24 hex digits each. */
  seen: z.array(keyId),
})

/** Where sealed values stand that no column of the configuration covers: a run does not move them. */
const found = z.strictObject({ store: text, table: text, column: text, records: count })

/** How far that was looked for; `gaps` is empty where every value of every row was looked at. */
const scan = z.strictObject({
  rows: count,
  gaps: z.array(z.strictObject({ store: text, table: text.nullable(), column: text.nullable(), values: count.nullable(), reason: text })),
})

const planSchema = z.strictObject({
  schema: z.literal('kms-rotate/1'),
  message_type: z.literal('plan'),
  createdAt: time,
  expiresAt: time,
  reason: z.enum(['rotation', 'compromise']),
  binds,
  columns: z.array(column),
  totals: z.strictObject(work),
  unregistered: z.array(found),
  scan,
  /** Where the keys are branch keys: those that are put under the active master key, those that get a new version, and those that cannot be. */
  branchKeys: z.strictObject({ live: count, rewrap: count, renew: count, destroyed: count, blocked: count }).optional(),
  /**
   * Calls of key wrappers by key, at most, those by which a run asks services beforehand and those for the ledger's own key included;
   * `remoteKeyCalls` of them leave the machine.
   */
  keyCalls: z.record(text, count),
  remoteKeyCalls: count,
  /** What the calls of AWS KMS cost at list price, in millionths of a US dollar; other key services are not priced. */
  cost: z.strictObject({ microUsd: count, basis: text }),
  estimate: z.strictObject({ milliseconds: count, sampledRecords: count, method: text }),
  /** How much the sealed values are longer, in bytes of the envelopes; text columns store four characters for three bytes. */
  sizeChangeBytes: z.int(),
  sha256,
})

/** What a rotation would do, made by `plan`. */
export type Plan = z.infer<typeof planSchema>
/** A plan before it has its hash. */
export type Draft = Omit<Plan, 'sha256'>

/** Puts the hash over a plan: SHA-256 of its canonical JSON (RFC 8785) without the hash itself. What approvals are given to. */
export function hashed(draft: Draft): Plan {
  return { ...draft, sha256: createHash('sha256').update(canonicalJson(draft)).digest('hex') }
}

/** How many records and branch keys a run of a plan would write. */
export function plannedWork({ totals, branchKeys }: Plan): number {
  const keys = branchKeys === undefined ? 0 : branchKeys.rewrap + branchKeys.renew
  return keys + totals.seal + totals.rewrap + totals.reencrypt
}

/** The one text of a plan, as its file holds it. */
export function encodePlan(plan: Plan): string {
  return prettyJson(plan satisfies Json)
}

/**
 * Reads a plan's file. What is accepted is byte for byte what `encodePlan` writes.
 *
 * @throws KeyfoldError ERR_PLAN_INVALID for what is no plan, ERR_PLAN_ALTERED for one that was edited
 */
export function parsePlan(bytes: Uint8Array): Plan {
  const { data: plan } = planSchema.safeParse(parseJson(bytes))
  if (plan === undefined) throw rotationError('ERR_PLAN_INVALID', 'the file is not a plan of kms-rotate')
  const { sha256: stated, ...draft } = plan
  if (hashed(draft).sha256 !== stated) throw rotationError('ERR_PLAN_ALTERED', 'the plan was edited after it was made: its hash does not fit')
  if (!Buffer.from(encodePlan(plan)).equals(bytes)) throw rotationError('ERR_PLAN_ALTERED', 'the plan was reformatted after it was made')
  return plan
}

function parseJson(bytes: Uint8Array): unknown {
  const refuse = (fact: string): KeyfoldError => rotationError('ERR_PLAN_INVALID', `the plan cannot be read: ${fact}`)
  try {
    return parseStrictJson(bytes, refuse, MAX_PLAN_BYTES)
  } catch (error) {
    throw isKeyfoldError(error, 'ERR_LIMIT') ? refuse(error.message) : error
  }
}
