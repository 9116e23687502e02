import type { StoredRecord } from '@keyfold/core'

/** The values of a page have so many bytes, and those of its last record: a column of large values must not fill the memory. */
export const PAGE_BYTES = 0x80_0000

/** Whether a page ended where it did since its values are many bytes: then more may follow, however few records it has. */
export function isFull(records: readonly StoredRecord[]): boolean {
  return records.reduce((sum, { value }) => sum + value.length, 0) >= PAGE_BYTES
}
