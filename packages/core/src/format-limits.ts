/** Sizes that are refused before anything is allocated. */
export const LIMITS = {
  entries: 16,
  /** What AWS KMS allows for a CiphertextBlob, the largest wrapped key of any service that we know. */
  wrappedBytes: 6144,
  /** 1 GiB, which is also about what SQLite holds in one cell; larger payloads are streams. */
  payloadBytes: 0x4000_0000,
  /** 256 MiB: the longest that has a text form, whose characters every JavaScript runtime holds in one string. */
  textBytes: 0x1000_0000,
} as const
