/** A table with sealed columns. */
export interface TableConfig {
  /** Its name; or, where it was renamed, the name that records are sealed under with that in the database: `{ customers: 'kunden' }`. */
  readonly table: string | Readonly<Record<string, string>>
  readonly id: string | readonly string[]
  /** Names; or, where a column was renamed, the names that records are sealed under with those in the database: `{ email: 'cust_email' }`. */
  readonly columns: readonly string[] | Readonly<Record<string, string>>
}

/** A SQLite database with sealed columns. Relative paths start at the folder of the configuration. */
export interface StoreConfig {
  readonly type: 'sqlite'
  readonly path: string
  readonly tables: readonly TableConfig[]
}

/** A table of branch keys in a SQLite database, which exists already. Relative paths start at the folder of the configuration. */
export interface BranchKeysConfig {
  readonly type: 'sqlite'
  readonly path: string
  /** `keyfold_branch_keys` where it is left out. */
  readonly table?: string
  /** As in the application's `createBranchKeys`: one name for all records, or one branch key for each table, column or row id. */
  readonly partition: string | { readonly by: 'table' | 'column' | 'id' }
  /** The longest time to live that any process of the application has, in milliseconds: what receipts are dated by. 300,000 where it is left out. */
  readonly ttlMs?: number
}

export interface PolicyConfig {
  /** How long a key seals before `status` calls it due. */
  readonly cryptoperiodDays?: number
  /** How many days lie between a key that is disabled and one that may be destroyed: 30 where it is left out. */
  readonly coolOffDays?: number
  /** How many days after its beginning a rotation may be reversed: 30 where it is left out. */
  readonly rollbackDays?: number
  readonly approvals?: number
  readonly approvers?: string
}

/** For the keys of AWS KMS. Credentials are not among them: the default chain of the AWS SDK finds them. */
export interface AwsKmsConfig {
  /** In place of AWS's own endpoints, by region where there are several; `http:` on this machine alone. */
  readonly endpoint?: string | Readonly<Record<string, string>>
  /** For multi-region keys: the regions to call, the preferred one first. */
  readonly regions?: readonly string[]
  /** Names of context pairs (`table`, `column`, `id`) that KMS gets in clear; as the application has them. */
  readonly clearContext?: readonly string[]
  readonly minTls?: '1.2' | '1.3'
  /** Lets KMS move data keys from key to key by itself, so that this process sees none and needs no permission to decrypt. False by default. */
  readonly reEncrypt?: boolean
}

/** `kms-rotate.config.ts` or `.json`. Keys are URIs, such as `key-file:./keys/2026q4.key`. */
export interface KmsRotateConfig {
  /** Default `./kms-rotate.ledger.db`. */
  readonly ledger?: string
  readonly keyring: { readonly active: string; readonly decryptOnly?: readonly string[] }
  readonly awsKms?: AwsKmsConfig
  /** Where records are sealed under branch keys; the keyring then wraps these. */
  readonly branchKeys?: BranchKeysConfig
  readonly stores: readonly StoreConfig[]
  readonly policy?: PolicyConfig
}

/**
 * Gives a configuration in TypeScript its types.
 *
 * @example export default defineConfig({ keyring: { active: 'key-file:./keys/2026q4.key' }, stores: [] })
 */
export function defineConfig(config: KmsRotateConfig): KmsRotateConfig {
  return config
}
