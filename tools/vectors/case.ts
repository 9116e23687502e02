/** How a test vector is made: fixed inputs in, every intermediate value out. */
import { createHash } from 'node:crypto'
import { deriveBodyKey, encryptBody } from '../../packages/core/src/cipher.ts'
import { canonicalContext } from '../../packages/core/src/context.ts'
import type { Entry } from '../../packages/core/src/format.ts'
import { encode, MATERIAL_ID_LENGTH, SUITE_AES_256_GCM } from '../../packages/core/src/format.ts'
import { localKeyWrapper } from '../../packages/core/src/local-wrap.ts'
import { toText } from '../../packages/core/src/text-form.ts'

export type Pairs = ReadonlyArray<readonly [string, string]>

export interface ValidCase {
  name: string
  keks: string[]
  context: Pairs
  plaintext: string
  dek: string
  canonicalContext: string
  commitment: string
  bodyKey: string
  nonce: string
  keyIds: string[]
  envelope: string
  text: string
}

export interface InvalidCase {
  name: string
  keks: string[]
  context: Pairs
  envelope?: string
  text?: string
  error: string
}

export type ContextCase = { name: string; context: Pairs } & ({ canonical: string } | { error: string })

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

/** A key that anybody can compute, for vectors alone. */
export const insecureKey = (name: string): Uint8Array =>
  Uint8Array.from(createHash('sha256').update(`keyfold insecure test key: ${name}`).digest())

/** An entry of a local key. */
export function localEntry(kek: Uint8Array, dek: Uint8Array): Entry {
  const wrapper = localKeyWrapper('key-file:insecure', kek)
  const { materialId, bytes } = wrapper.wrapSync(dek, canonicalContext([]))
  return { keyId: wrapper.keyId, materialId, wrapped: bytes }
}

/** An entry as a key service makes it: opaque, with a material id. */
export function opaqueEntry(name: string, length: number): Entry {
  const bytes = Buffer.alloc(length, insecureKey(name))
  return {
    keyId: Uint8Array.from(insecureKey(`${name} id`).subarray(0, 12)),
    materialId: Uint8Array.from(insecureKey(`${name} material`).subarray(0, MATERIAL_ID_LENGTH)),
    wrapped: Uint8Array.from(bytes),
  }
}

export interface Recipe {
  name: string
  keks: Uint8Array[]
  context: Pairs
  plaintext: Uint8Array
  dek?: Uint8Array
  /** The entries; one for each KEK where it is left out. */
  entries?: (dek: Uint8Array) => Entry[]
}

export function validCase({ name, keks, context, plaintext, dek = insecureKey(`DEK of ${name}`), entries }: Recipe): ValidCase {
  const canonical = canonicalContext(context)
  const bodyKey = deriveBodyKey(SUITE_AES_256_GCM, dek)
  const body = encryptBody(SUITE_AES_256_GCM, bodyKey, canonical, plaintext)
  const list = entries?.(dek) ?? keks.map((kek) => localEntry(kek, dek))
  const envelope = encode({ suite: SUITE_AES_256_GCM, entries: list, body })
  return {
    name,
    keks: keks.map(hex),
    context,
    plaintext: hex(plaintext),
    dek: hex(dek),
    canonicalContext: hex(canonical.bytes),
    commitment: hex(bodyKey.commitment),
    bodyKey: hex(bodyKey.key),
    nonce: hex(bodyKey.commitment.subarray(0, 12)),
    keyIds: list.map(({ keyId }) => hex(keyId)),
    envelope: hex(envelope),
    text: toText(envelope),
  }
}
