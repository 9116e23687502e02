import { openSync, openTextSync, sealSync, toText } from '@keyfold/core'
import type { Case } from './case.ts'
import { hex, insecureBytes, same, unhex } from './case.ts'
import { CONTEXTS } from './contexts.ts'
import { sharedKeyring } from './keys.ts'
import { openAll, sealAll } from './streams.ts'

/** What one runtime sealed for all the others. */
export interface Sealed {
  /** An envelope in hex for each of `CONTEXTS`. */
  readonly records: readonly string[]
  /** Of the same, in text form. */
  readonly texts: readonly string[]
  /** In hex. */
  readonly stream: string
}

const STREAM = insecureBytes(40_000, 7)
const textOf = (i: number): string => `record ${i} \u{1f600}\uffff\0`

export async function sealForOthers(): Promise<Sealed> {
  const records = CONTEXTS.map((context, i) => sealSync(sharedKeyring(), textOf(i), context))
  return { records: records.map(hex), texts: records.map(toText), stream: hex(await sealAll(STREAM)) }
}

/** Opens what `from` sealed. */
export function exchangeCases(from: string, { records, texts, stream }: Sealed): Case[] {
  return [
    {
      name: `opens the records of ${from}`,
      run() {
        same([records.length, texts.length], [CONTEXTS.length, CONTEXTS.length])
        for (const [i, context] of CONTEXTS.entries()) {
          same(openTextSync(sharedKeyring(), unhex(records[i]!), context.toReversed()), textOf(i))
          same(hex(openSync(sharedKeyring(), texts[i]!, context)), hex(new TextEncoder().encode(textOf(i))))
        }
      },
    },
    { name: `opens the stream of ${from}`, run: async () => same(hex(await openAll(unhex(stream))), hex(STREAM)) },
  ]
}
