export { canonicalContext, CONTEXT_LIMITS } from './context.ts'
export { open, openSync, openText, openTextSync, reencrypt, reencryptSync, rewrap, rewrapSync, seal, sealSync } from './envelope.ts'
export type { CoreErrorCode, KeyfoldErrorOptions } from './errors.ts'
export { isKeyfoldError, KeyfoldError } from './errors.ts'
export { isSealed, KEY_ID_LENGTH, LIMITS, SQL_OFFSETS, toBytes, toText } from './format.ts'
export type { Inspection } from './inspect.ts'
export { inspect, isCurrent } from './inspect.ts'
export type { KeySource, SyncKeySource } from './key-source.ts'
export { isSyncKeyWrapper } from './key-source.ts'
export type { Keyring, KeyringOptions } from './keyring.ts'
export { createKeyring } from './keyring.ts'
export type { Sealed } from './record.ts'
export type { Step, Steps } from './steps.ts'
export { openStream, sealStream } from './stream.ts'
export type { RangeSource } from './stream-range.ts'
export { openRange } from './stream-range.ts'
export type {
  BatchKeyWrapper,
  BranchKeyStore,
  CanonicalContext,
  ColumnCensus,
  ColumnRef,
  EncryptionContext,
  KeyState,
  KeyWrapper,
  ReadOptions,
  RecordChange,
  RecordStore,
  StoredBranchKey,
  StoredRecord,
  StoreProblem,
  SyncBatchKeyWrapper,
  SyncKeyWrapper,
  WrappedKey,
} from './types.ts'
