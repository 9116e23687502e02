import {
  COUNT_AT, FLAGS, KEY_ID_LENGTH, LIMITS, MAGIC, SLOTS_AT, SUITE_AES_256_GCM, SUITE_STREAM, TEXT_PREFIX, VERSION,
} from './format.ts'

/** Where SQL finds the first key id and the entry count, without a key: 1-based, for `substr`. Stores build their indexes on this. */
export const SQL_OFFSETS = {
  blob: {
    prefix: new Uint8Array([...MAGIC, VERSION]),
    keyId: SLOTS_AT + 1, keyIdLength: KEY_ID_LENGTH,
    count: COUNT_AT + 1, one: new Uint8Array([1]), most: new Uint8Array([LIMITS.entries]),
    /** How envelopes of the known suites begin, up to their flags. */
    heads: [SUITE_AES_256_GCM, SUITE_STREAM].map((suite) => new Uint8Array([...MAGIC, VERSION, suite, FLAGS])),
  },
  // Four characters hold three bytes; every offset and width above is a multiple of three. A count of at most 16 is wholly in its last character.
  text: {
    prefix: `${TEXT_PREFIX}S0YB`,
    keyId: 4 + (SLOTS_AT / 3) * 4 + 1, keyIdLength: (KEY_ID_LENGTH / 3) * 4,
    count: 4 + (SLOTS_AT / 3) * 4, one: 'B', most: 'Q',
    heads: [`${TEXT_PREFIX}S0YBAQA`, `${TEXT_PREFIX}S0YBAgA`],
  },
} as const
