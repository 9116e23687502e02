import { canonicalContext, inspect, open, openSync, toBytes, toText } from '@keyfold/core'
import type { Case, Pairs } from './case.ts'
import { hex, refused, same, unhex } from './case.ts'
import { keyringOf } from './keys.ts'

/** vectors/envelope-v1.json; docs/format.md explains each field. */
export interface Vectors {
  readonly valid: readonly ValidVector[]
  readonly invalid: readonly InvalidVector[]
  readonly contexts: readonly ContextVector[]
}

interface ValidVector {
  readonly name: string
  readonly keks: readonly string[]
  readonly context: Pairs
  readonly plaintext: string
  readonly keyIds: readonly string[]
  readonly envelope: string
  readonly text: string
}

interface InvalidVector {
  readonly name: string
  readonly keks: readonly string[]
  readonly context: Pairs
  readonly envelope?: string
  readonly text?: string
  readonly error: string
}

interface ContextVector {
  readonly name: string
  readonly context: Pairs
  readonly canonical?: string
  readonly error?: string
}

export function vectorCases({ valid, invalid, contexts }: Vectors): Case[] {
  return [...valid.map(validCase), ...invalid.map(invalidCase), ...contexts.map(contextCase)]
}

function validCase({ name, keks, context, plaintext, keyIds, envelope, text }: ValidVector): Case {
  return {
    name: `valid vector: ${name}`,
    async run() {
      const bytes = unhex(envelope)
      same(hex(openSync(keyringOf(keks), bytes, context)), plaintext)
      same(hex(await open(keyringOf(keks), text, context)), plaintext)
      same(toText(bytes), text)
      same(hex(toBytes(text)), envelope)
      same(inspect(bytes).entries.map(({ keyId }) => keyId), keyIds)
    },
  }
}

function invalidCase({ name, keks, context, envelope = '', text, error }: InvalidVector): Case {
  return {
    name: `invalid vector: ${name}`,
    async run() {
      const value = text ?? unhex(envelope)
      await refused(error, () => openSync(keyringOf(keks), value, context))
      await refused(error, () => open(keyringOf(keks), value, context))
    },
  }
}

function contextCase({ name, context, canonical, error = '' }: ContextVector): Case {
  return {
    name: `context vector: ${name}`,
    async run() {
      if (canonical === undefined) await refused(error, () => canonicalContext(context))
      else same(hex(canonicalContext(context).bytes), canonical)
    },
  }
}
