/**
 * Encryption context: string pairs that say what a record is (table, column, row id, tenant). Authenticated, never stored: opening needs the
 * same pairs again. Order does not matter. As an array of pairs where the keys come from data.
 */
export type EncryptionContext = Readonly<Record<string, string>> | ReadonlyArray<readonly [key: string, value: string]>

/** A checked context in its one canonical form. Frozen; made by `canonicalContext` alone. */
export interface CanonicalContext {
  /** The canonical encoding (docs/format.md, "Encryption context"): what the body authenticates. */
  readonly bytes: Uint8Array
  /** The pairs, ordered by the UTF-8 bytes of their keys. */
  readonly pairs: ReadonlyArray<readonly [key: string, value: string]>
}

/** A data encryption key (DEK) under one key-encryption key. */
export interface WrappedKey {
  /** 6 bytes: which material of the key wrapped it (AWS KMS: a hash of its KeyMaterialId); all zero where a key has one material for life. */
  readonly materialId: Uint8Array
  /** 1 to 6144 bytes, opaque to everyone but the wrapper. */
  readonly bytes: Uint8Array
}

/**
 * Holds one key-encryption key (KEK), which never leaves it, and does two things. What it owes to its callers:
 *
 * - The wrap is symmetric and authenticated: whoever can make a valid entry can make a valid record. Any changed bit of `bytes` or `materialId`
 *   ends in ERR_NOT_AUTHENTIC, or in ERR_KEY_MISMATCH where the wrap then names another key.
 * - It unwraps with its own key alone, named in the call to a key service, and checks that the service used that one; what the wrapped bytes say
 *   about a key is never followed.
 * - Its wraps are set apart from other uses of the same key where the service allows it (an encryption context, associated data).
 * - "Not authentic" (ERR_NOT_AUTHENTIC), "refused" (ERR_KEY_DENIED) and "out of reach" (ERR_KEY_UNAVAILABLE) are different codes; only the last
 *   is worth trying again.
 *
 * It need not bind the context: the envelope's body does.
 */
export interface KeyWrapper {
  /** `scheme:name`, for people and configuration: `key-file:2026q4`. */
  readonly id: string
  /** 12 bytes, written into every envelope. Bound to the key itself, so that another key under the same name has another id. */
  readonly keyId: Uint8Array
  /** Names of pairs that an encryption context must have, since the key service is to see them in clear. None where it is left out. */
  readonly contextNames?: readonly string[]
  /** Wraps a DEK of 32 bytes. Does not keep or change `dek`. */
  wrap(dek: Uint8Array, context: CanonicalContext): Promise<WrappedKey>
  /** Gives back the DEK, 32 bytes, in a buffer of the caller's own: the caller wipes it. */
  unwrap(wrapped: WrappedKey, context: CanonicalContext): Promise<Uint8Array>
}

/** A key wrapper that needs no I/O. */
export interface SyncKeyWrapper extends KeyWrapper {
  /** As `wrap`. */
  wrapSync(dek: Uint8Array, context: CanonicalContext): WrappedKey
  /** As `unwrap`. */
  unwrapSync(wrapped: WrappedKey, context: CanonicalContext): Uint8Array
}

/**
 * A key wrapper that does a batch in fewer calls than one by one. An optional ability: whoever calls asks for it first. Results stand in the order
 * of the arguments, as many as these, and are what one by one would give. `sealMany`, `openMany` and `rewrapMany` hand over at most 1024 at a time.
 */
export interface BatchKeyWrapper extends KeyWrapper {
  /** Wraps DEKs of 32 bytes, each in its own context; all of them or none. */
  wrapMany(deks: readonly Uint8Array[], contexts: readonly CanonicalContext[]): Promise<readonly WrappedKey[]>
  /** Unwraps; an error stands in the place of each one that cannot be, and holds up no other. */
  unwrapMany(wrapped: readonly WrappedKey[], contexts: readonly CanonicalContext[]): Promise<ReadonlyArray<Uint8Array | Error>>
}

/** A batch key wrapper that needs no I/O. */
export interface SyncBatchKeyWrapper extends BatchKeyWrapper, SyncKeyWrapper {
  /** As `wrapMany`. */
  wrapManySync(deks: readonly Uint8Array[], contexts: readonly CanonicalContext[]): readonly WrappedKey[]
  /** As `unwrapMany`. */
  unwrapManySync(wrapped: readonly WrappedKey[], contexts: readonly CanonicalContext[]): ReadonlyArray<Uint8Array | Error>
}

/**
 * A key wrapper whose service moves a wrapped DEK to another of its keys by itself (AWS KMS: ReEncrypt), so that this process never sees the DEK.
 * An optional ability: `rewrap` uses it where its caller asks for it (docs/format.md, "Rewrapping").
 */
export interface RewrapKeyWrapper extends KeyWrapper {
  /** Whether the service can move a wrap of this key to `target`, which may be this key itself. Makes no call. */
  canRewrapTo(target: KeyWrapper): boolean
  /**
   * Moves it, with this key named as the source: a wrap of any other key is refused, as `unwrap` refuses it. What comes back opens with `target`
   * to the same DEK, or not at all.
   */
  rewrapTo(target: KeyWrapper, wrapped: WrappedKey, context: CanonicalContext): Promise<WrappedKey>
}

/** What a caller is about to do with a key. */
export type KeyUse = 'wrap' | 'unwrap' | { readonly rewrapTo: KeyWrapper }

/**
 * A key wrapper that can ask its service beforehand whether it would be served, without the key being used. An optional ability: a rotation asks
 * before it touches a record.
 */
export interface PreflightKeyWrapper extends KeyWrapper {
  /** Ends where the service would do it for this caller in such a context; else throws what the use itself would end with. */
  preflight(use: KeyUse, context: CanonicalContext): Promise<void>
}

/** When a key service last saw a key used, in one of its places. */
export interface KeyUsage {
  /** Where the service keeps this note: the region, for AWS KMS. */
  readonly place: string
  /** The last successful use, ISO 8601; null where the service saw none. */
  readonly usedAt: string | null
  /** What was done with it, in the service's words. */
  readonly operation: string | null
  /** Since when the service keeps such notes of the key, ISO 8601: before that it may have been used. Null where it does not say. */
  readonly trackedSince: string | null
}

/** A key wrapper whose service tells when the key was last used. An optional ability: `destroyKey` of a rotation asks before it records anything. */
export interface UsageKeyWrapper extends KeyWrapper {
  /** One note for each place of the key; throws as a use of the key does. */
  lastUsage(): Promise<readonly KeyUsage[]>
}

/** Key states, after NIST SP 800-57 part 1 revision 5, section 7. */
export type KeyState = 'pre-active' | 'active' | 'decrypt-only' | 'disabled' | 'compromised' | 'destroyed'

/** A column that holds sealed values, by its names in the configuration. */
export interface ColumnRef {
  readonly table: string
  readonly column: string
}

/** The count of one column's cells. Taken from what the cells claim, without a key; `verify` is what opens them. */
export interface ColumnCensus extends ColumnRef {
  readonly total: number
  readonly null: number
  /** Not sealed, and not NULL. */
  readonly plaintext: number
  /** Claims to be sealed, and cannot be read: cut, or of another version. */
  readonly malformed: number
  /** Sealed cells by key id (24 hex digits). A cell with several entries counts once for each. */
  readonly byKey: ReadonlyMap<string, number>
}

/** One cell, as a rotation sees it. */
export interface StoredRecord {
  /** Where it stands in the column's key order: opaque text that survives a checkpoint. */
  readonly position: string
  /** Its encryption context: `{ table, column, id }`. */
  readonly context: EncryptionContext
  readonly sealed: boolean
  /** The envelope, if sealed; else the plaintext in the store's own encoding, which keeps its type. */
  readonly value: Uint8Array
}

/** The new envelope of a record that was read before. */
export interface RecordChange {
  readonly record: StoredRecord
  readonly envelope: Uint8Array
}

/** The plaintext of a sealed record that was read before, in the store's own encoding. */
export interface RecordOpening {
  readonly record: StoredRecord
  readonly plaintext: Uint8Array
}

export interface ReadOptions {
  /** Only records after this position; from the beginning where it is left out. */
  readonly after?: string
  /** At most so many records. */
  readonly limit: number
  /**
   * Ends the page with the record that brings its values to so many bytes, so that a page of large values is no larger than that and one of them.
   * Such a page may be short before the end. A store whose values are small may leave this out of account.
   */
  readonly maxBytes?: number
  /** Leaves out NULL cells (always) and those under this key (24 hex digits) alone: what a rotation to that key has yet to do. */
  readonly notUnder?: string
}

/** Something that stands against sealing a column, or that keeps a copy of its plaintext. */
export interface StoreProblem extends ColumnRef {
  /** The fact, with the name of the index, trigger or constraint. */
  readonly problem: string
  readonly hint: string
}

type Awaitable<T> = T | Promise<T>

/** A column that the store was not told of, and that holds values which claim to be sealed: no census counts them, no rotation moves them. */
export interface UnregisteredColumn extends ColumnRef {
  readonly records: number
  /** `branch-keys` where they are the keys of a branch key store, which a rotation knows by another way. */
  readonly holds: 'records' | 'branch-keys'
}

/** What a search did not look into. */
export interface ScanGap {
  readonly table: string
  /** Null for a whole table. */
  readonly column: string | null
  /** How many values of the column; null for a whole table. */
  readonly values: number | null
  /** The fact, in words. */
  readonly reason: string
}

/** What a search for sealed values found, in everything that the store's place holds beside the registered columns. */
export interface UnregisteredScan {
  readonly found: readonly UnregisteredColumn[]
  /** How many rows were looked at. */
  readonly rows: number
  /** Empty where every value of every row was looked at. */
  readonly gaps: readonly ScanGap[]
}

export interface ScanOptions {
  /** Ends the search: it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Told now and then how many rows were looked at, and in which table. */
  readonly onProgress?: ((progress: { readonly table: string; readonly rows: number }) => void) | undefined
}

export interface PickOptions {
  /** Only records after this position; from the beginning where it is left out. */
  readonly after?: string
  /** At most so many records are looked at. */
  readonly limit: number
  /** Ends the stretch with the wanted record that brings their values to so many bytes, as `ReadOptions` has it. */
  readonly maxBytes?: number
  /** Says of each position whether its record is wanted. */
  readonly picks: (position: string) => boolean
}

/** The wanted records of a stretch of a column. */
export interface PickedRecords {
  readonly records: readonly StoredRecord[]
  /** The position of the last record that was looked at; undefined once the column has no more. */
  readonly last: string | undefined
}

/**
 * What a rotation needs to know of a place that holds records. The engine knows stores through this interface alone; `@keyfold/sqlite` gives
 * one for SQLite. A store never sees a key. Every method may be synchronous or return a promise, and throws KeyfoldError alone.
 */
export interface RecordStore {
  /** For people and reports: the database's path as configured. */
  readonly name: string
  readonly columns: readonly ColumnRef[]
  /**
   * Whether its calls are carried out elsewhere, on a thread or a server, in the order in which they were made: then a rotation reads the next
   * records ahead, and does key work while a batch is written. Left out, it does one after the other.
   */
  readonly concurrent?: boolean
  /** Looks for what stands against sealing; changes nothing. Empty where nothing does. */
  check(): Awaitable<readonly StoreProblem[]>
  /** Counts one column, all of it at one moment; changes nothing. */
  census(column: ColumnRef): Awaitable<ColumnCensus>
  /** Counts every column, in the order of `columns`, all of them at one moment: what is moved from one to another meanwhile is counted once. */
  censusAll?(): Awaitable<readonly ColumnCensus[]>
  /** Makes what later calls are fast with (an index on the key id). May be called often. */
  prepare(): Awaitable<void>
  /** Reads the next records of a column in the order of their position; fewer than `limit` only at the end, or where they have `maxBytes`. */
  read(column: ColumnRef, options: ReadOptions): Awaitable<readonly StoredRecord[]>
  /**
   * Replaces cells in one transaction, each only if it is still what was read: an application's newer value always wins.
   *
   * @returns how many were replaced; the others had changed meanwhile
   */
  write(column: ColumnRef, changes: readonly RecordChange[]): Awaitable<number>
  /**
   * Puts plaintext back in place of envelopes, as `write` replaces: to leave Keyfold. An optional ability.
   *
   * @returns how many were replaced; the others had changed meanwhile
   */
  unseal?(column: ColumnRef, openings: readonly RecordOpening[]): Awaitable<number>
  /**
   * Puts what was written so far on the disk, so that no power cut takes it back. Other calls are made meanwhile. Optional: without it, a write is on
   * the disk when it returns.
   */
  sync?(): Awaitable<void>
  /**
   * Whether another connection has written to the database since the last call. Optional: beside others, a rotation leaves the write lock alone for a
   * while after each batch, so that they get their turn; without this it never does.
   */
  othersWrote?(): Awaitable<boolean>
  /**
   * Removes what replaced values left behind (free pages, write-ahead log).
   *
   * @returns what remains and why, in sentences for people; empty where nothing does
   */
  scrub(): Awaitable<readonly string[]>
  /**
   * Looks through all that the place holds and no `columns` names for values that claim to be sealed; changes nothing, and holds no large value in
   * memory. Optional: a plan says of a store without it that nobody looked.
   */
  unregistered?(options?: ScanOptions): Awaitable<UnregisteredScan>
  /** As `read`, without loading what is not picked: what a sample of a large column is taken with. Optional: else all of it is read. */
  pick?(column: ColumnRef, options: PickOptions): Awaitable<PickedRecords>
  close(): Awaitable<void>
}

/** One version of a branch key, as a store keeps it. Nothing of it is secret: the key itself is sealed under the keyring. */
export interface StoredBranchKey {
  /** What the key is for (a tenant, a purpose): 1 to 255 characters. */
  readonly partition: string
  /** 1, 2, 3 …; the highest one seals. */
  readonly version: number
  /** 12 bytes, bound to the key's own bytes: the key id in the envelopes of records. */
  readonly keyId: Uint8Array
  /** When it was made, in milliseconds since 1970. */
  readonly createdAt: number
  /** The envelope of its 32 bytes, bound to partition, version and time; null once the key is destroyed. */
  readonly sealed: Uint8Array | null
}

/**
 * Where branch keys are kept. Every process that seals or opens records under them has the same store. It need not be trusted: what it gives is
 * authenticated. Every method may be synchronous or return a promise.
 */
export interface BranchKeyStore {
  /** For people and reports. */
  readonly name: string
  /** Every version of a partition, the oldest first; empty where there is none. */
  versions(partition: string): Awaitable<readonly StoredBranchKey[]>
  /** The branch key of a key id (12 bytes). */
  find(keyId: Uint8Array): Awaitable<StoredBranchKey | undefined>
  /** Adds a version. Durable when it returns; false, and nothing changed, where the partition has that version or the store that key id. */
  insert(key: StoredBranchKey): Awaitable<boolean>
  /** Replaces what is sealed, only if it is still what `key` says; false where it is not. Null destroys the key for good. Durable when it returns. */
  replace(key: StoredBranchKey, sealed: Uint8Array | null): Awaitable<boolean>
  /** At most `limit` branch keys in the order of their key ids, those behind `after` alone; fewer only at the end. */
  list(options: { readonly after?: Uint8Array; readonly limit: number }): Awaitable<readonly StoredBranchKey[]>
}

/** A branch key store that never waits. */
export interface SyncBranchKeyStore extends BranchKeyStore {
  versions(partition: string): readonly StoredBranchKey[]
  find(keyId: Uint8Array): StoredBranchKey | undefined
  insert(key: StoredBranchKey): boolean
  replace(key: StoredBranchKey, sealed: Uint8Array | null): boolean
  list(options: { readonly after?: Uint8Array; readonly limit: number }): readonly StoredBranchKey[]
}
