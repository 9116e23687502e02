export { openMany, openManySync, reencryptMany, reencryptManySync, rewrapMany, rewrapManySync, sealMany, sealManySync } from './batch.ts'
export type { BatchOptions, Outcome, PlainRecord, SealedRecord } from './batch-input.ts'
export { BATCH_LIMITS } from './batch-input.ts'
export type { BranchKeyLimits } from './branch-key-limits.ts'
export { memoryBranchKeyStore } from './branch-key-memory.ts'
export type { BranchKeyReceipt } from './branch-key-shred.ts'
export type { BranchKeyProgress, ListedBranchKey } from './branch-key-upkeep.ts'
export { listBranchKeys, rewrapBranchKeys } from './branch-key-upkeep.ts'
export type { BranchKeys, BranchKeysOptions } from './branch-keys.ts'
export { createBranchKeys } from './branch-keys.ts'
export type { CachingKeyWrapper, CachingOptions } from './caching.ts'
export { caching } from './caching.ts'
export { canonicalContext, CONTEXT_LIMITS } from './context.ts'
export type { RewrapOptions } from './envelope.ts'
export { open, openSync, openText, openTextSync, reencrypt, reencryptSync, rewrap, rewrapSync, seal, sealSync } from './envelope.ts'
export type { CoreErrorCode, KeyfoldErrorOptions } from './errors.ts'
export { isKeyfoldError, KeyfoldError } from './errors.ts'
export { isSealed, KEY_ID_LENGTH, LIMITS } from './format.ts'
export { SQL_OFFSETS } from './sql-offsets.ts'
export { toBytes, toText } from './text-form.ts'
export type { Inspection } from './inspect.ts'
export { inspect, isCurrent } from './inspect.ts'
export type { KeySource, SyncKeySource } from './key-source.ts'
export { isPreflightKeyWrapper, isRewrapKeyWrapper, isSyncKeyWrapper, isUsageKeyWrapper } from './key-source.ts'
export type { Keyring, KeyringOptions } from './keyring.ts'
export { createKeyring } from './keyring.ts'
export { multi } from './multi.ts'
export type { SameForm, Sealed } from './record.ts'
export type { Step, Steps } from './steps.ts'
export { openStream, sealStream } from './stream.ts'
export type { RangeSource } from './stream-range.ts'
export { openRange } from './stream-range.ts'
export { tooOld, withoutMaterials } from './too-old.ts'
export type {
  BatchKeyWrapper,
  BranchKeyStore,
  CanonicalContext,
  ColumnCensus,
  ColumnRef,
  EncryptionContext,
  KeyState,
  KeyUsage,
  KeyUse,
  KeyWrapper,
  PickedRecords,
  PickOptions,
  PreflightKeyWrapper,
  ReadOptions,
  RecordChange,
  RecordOpening,
  RecordStore,
  RewrapKeyWrapper,
  ScanGap,
  ScanOptions,
  StoredBranchKey,
  StoredRecord,
  StoreProblem,
  SyncBatchKeyWrapper,
  SyncBranchKeyStore,
  SyncKeyWrapper,
  UnregisteredColumn,
  UnregisteredScan,
  UsageKeyWrapper,
  WrappedKey,
} from './types.ts'
