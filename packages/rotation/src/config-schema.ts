/** The shape of a configuration, strict: an unknown field is an error, since a mistyped one would silently change what a rotation covers. */
import * as z from 'zod'

const text = z.string().min(1, 'must not be empty').max(4096, 'has at most 4096 characters')
const name = text.refine((value) => !value.includes('\0'), 'must not hold a zero byte')
const whole = (least: number, most: number): z.ZodInt =>
  z.int(`a whole number from ${least} to ${most}`).min(least, `is at least ${least}`).max(most, `is at most ${most}`)

const keyUri = name.regex(/^[a-z][a-z0-9-]*:[^]/, 'a key is written scheme:place, such as key-file:./keys/2026q4.key')

// Said of each form too: where a value has the shape of one, zod tells what is wrong with that.
const TABLE = 'a table is its name, or { "sealed name": "table" } where it was renamed'
const ID = 'an id is the name of a column, or a list of up to 16'
const COLUMNS = 'columns are a list of up to 2000 names, or { "sealed name": "column" } where one was renamed'

const table = z.strictObject({
  table: z.union([name, z.record(name, name).refine((names) => Object.keys(names).length === 1, TABLE)], { error: TABLE }),
  id: z.union([name, z.array(name).min(1, ID).max(16, ID)], { error: ID }),
  columns: z.union(
    [z.array(name).min(1, COLUMNS).max(2000, COLUMNS), z.record(name, name).refine((columns) => Object.keys(columns).length > 0, COLUMNS)],
    { error: COLUMNS },
  ),
})

const store = z.strictObject({
  type: z.literal('sqlite', { error: 'the only type of store is "sqlite"' }),
  path: name,
  tables: z.array(table).min(1, 'names at least one table').max(1000, 'has at most 1000 tables'),
})

const keyring = z.strictObject({ active: keyUri, decryptOnly: z.array(keyUri).max(64, 'has at most 64 keys').default([]) })

/** Settings of all keys of AWS KMS; docs/cli.md. Credentials are none of them: they come from the default chain of the AWS SDK. */
const awsKms = z.strictObject({
  endpoint: z.union([name, z.record(name, name)], { error: 'an endpoint is a URL, or { "region": "URL" }' }).exactOptional(),
  regions: z.array(name).min(1, 'names at least one region').max(32, 'has at most 32 regions').exactOptional(),
  clearContext: z.array(name).max(64, 'has at most 64 names').exactOptional(),
  minTls: z.enum(['1.2', '1.3'], { error: 'is "1.2" or "1.3"' }).exactOptional(),
  reEncrypt: z.boolean({ error: 'is true or false' }).exactOptional(),
})

const partitionName = name.max(255, 'has at most 255 characters')

const branchKeys = z.strictObject({
  type: z.literal('sqlite', { error: 'the only type of store for branch keys is "sqlite"' }),
  path: name,
  table: name.exactOptional(),
  partition: z.union([partitionName, z.strictObject({ by: z.enum(['table', 'column', 'id']) })], {
    error: 'a partition is one name, or { "by": "table" }, { "by": "column" } or { "by": "id" }',
  }),
  ttlMs: whole(1000, 86_400_000).exactOptional(),
})

const policy = z.strictObject({
  cryptoperiodDays: whole(1, 36_500).optional(),
  coolOffDays: whole(0, 3650).exactOptional(),
  rollbackDays: whole(0, 3650).exactOptional(),
  approvals: whole(0, 16).default(0),
  approvers: name.optional(),
})

export const configSchema = z.strictObject({
  ledger: name.default('./kms-rotate.ledger.db'),
  keyring,
  awsKms: awsKms.exactOptional(),
  branchKeys: branchKeys.exactOptional(),
  stores: z.array(store).min(1, 'names at least one store').max(100, 'has at most 100 stores'),
  policy: policy.default({ approvals: 0 }),
})

/** A configuration that was checked, with its defaults. */
export type Config = z.infer<typeof configSchema>

const fieldsOf = (schema: z.ZodObject): string[] => Object.keys(schema.shape)

/** The fields of each object, by the path to it without list positions. */
export const KNOWN_FIELDS: Readonly<Record<string, readonly string[]>> = {
  '': fieldsOf(configSchema),
  'keyring': fieldsOf(keyring),
  'awsKms': fieldsOf(awsKms),
  'branchKeys': fieldsOf(branchKeys),
  'branchKeys.partition': ['by'],
  'policy': fieldsOf(policy),
  'stores': fieldsOf(store),
  'stores.tables': fieldsOf(table),
}
