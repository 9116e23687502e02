import { canonicalContext, openSync, sealSync } from '@keyfold/core'
import type { Case, Pairs } from './case.ts'
import { hex, same } from './case.ts'
import { sharedKeyring } from './keys.ts'

/**
 * Keys around every place where the order of UTF-16 units and that of bytes part, or where an object changes the order of its own: numbers,
 * the ends of the planes, combining and joined characters, right-to-left text.
 */
const KEYS = [
  'a', 'A', 'aa', 'z', '10', '2', '01', '\0', '\x7f', '\x80', 'é', 'e\u0301', 'ß', '\u07ff', '\u0800', '\u200d', '\u202e', '中', '\ud7ff', '\ue000',
  '\uf8ff', '\ufeff', '\uff61', '\ufffd', '\uffff', '\u{10000}', '\u{10000}a', '\u{1d11e}', '\u{1f468}\u200d\u{1f469}', '\u{1f600}', '\u{20000}',
  '\u{e0041}', '\u{fffff}', '\u{10ffff}', '\uffff\u{10000}', '\u{10000}\uffff', 'constructor', 'toString', 'שלום',
]

/** Contexts of eight keys, each from another place in the list. */
export const CONTEXTS: readonly Pairs[] = KEYS.map((_, start) =>
  Array.from({ length: 8 }, (_unused, i) => [KEYS[(start + i * 11) % KEYS.length]!, `value ${i} \u{1f600}`] as const))

export function contextCases(): Case[] {
  return [
    {
      name: 'abuse 12: any order of the pairs, as a list or as an object, gives the same bytes',
      run() {
        for (const pairs of CONTEXTS) {
          const expected = hex(canonicalContext(pairs).bytes)
          for (let turn = 1; turn < pairs.length; turn++) {
            const turned = [...pairs.slice(turn), ...pairs.slice(0, turn)]
            for (const form of [turned, turned.toReversed(), Object.fromEntries(turned)]) same(hex(canonicalContext(form).bytes), expected)
          }
        }
      },
    },
    {
      name: 'abuse 12: what is sealed in one order opens in another',
      run() {
        for (const pairs of CONTEXTS) same(openSync(sharedKeyring(), sealSync(sharedKeyring(), 'x', pairs), pairs.toReversed()).length, 1)
      },
    },
  ]
}

/** The bytes of each of `CONTEXTS` in hex, for a comparison between runtimes. */
export function canonicalContexts(): string[] {
  return CONTEXTS.map((pairs) => hex(canonicalContext(pairs).bytes))
}
