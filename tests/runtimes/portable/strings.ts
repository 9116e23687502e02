import { openText, openTextSync, seal, sealSync } from '@keyfold/core'
import type { Case } from './case.ts'
import { same } from './case.ts'
import { sharedKeyring } from './keys.ts'

/** Each string as a plaintext and as a value of the context. */
export function stringCases(strings: readonly string[]): Case[] {
  return strings.map((text, i) => ({
    name: `string ${i}: ${JSON.stringify(text.slice(0, 40))}`,
    async run() {
      const context = { id: String(i), text }
      same(openTextSync(sharedKeyring(), await seal(sharedKeyring(), text, context), context), text)
      same(await openText(sharedKeyring(), sealSync(sharedKeyring(), text, context), context), text)
    },
  }))
}
