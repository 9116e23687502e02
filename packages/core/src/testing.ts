/** Conformance kits: what a key wrapper, a branch key store and a record store promise, as cases for any test runner. */
export type { BranchKeyStoreKit } from './testing-branch-key-store.ts'
export { testBranchKeyStore } from './testing-branch-key-store.ts'
export type { KeyWrapperKit } from './testing-key-wrapper.ts'
export { testKeyWrapper } from './testing-key-wrapper.ts'
export type { TestFunction } from './testing-kit.ts'
export type { RecordStoreBench, RecordStoreKit } from './testing-record-store.ts'
export { testRecordStore } from './testing-record-store.ts'
