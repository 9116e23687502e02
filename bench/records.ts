/** What does sealing or opening one record cost, against the two AES-256-GCM calls that any envelope encryption makes? */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, randomFillSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyring, openSync, sealSync } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { interleave } from './interleave.ts'
import type { Result } from './report.ts'
import { result } from './report.ts'

const SIZES = [
  ['64 B', 64],
  ['256 B', 256],
  ['1 KiB', 1024],
  ['64 KiB', 65_536],
] as const

export function benchRecords(): Result[] {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-bench-'))
  try {
    createKeyFile(join(folder, 'bench.key'))
    const keyring = createKeyring({ active: keyFile(join(folder, 'bench.key')) })
    return SIZES.flatMap(([size, length]) => benchSize(size, randomBytes(length), keyring))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function benchSize(size: string, payload: Uint8Array, keyring: Parameters<typeof sealSync>[0]): Result[] {
  const context = { table: 'users', column: 'ssn', id: '42' }
  const envelope = sealSync(keyring, payload, context)
  const sealed = floor.seal(payload)
  const timings = interleave({
    seal: () => sealSync(keyring, payload, context),
    sealFloor: () => floor.seal(payload),
    open: () => openSync(keyring, envelope, context),
    openFloor: () => floor.open(sealed),
  })
  return [
    result(`seal ${size} key-file`, timings.seal.us, timings.sealFloor.us),
    result(`open ${size} key-file`, timings.open.us, timings.openFloor.us),
  ]
}

/**
 * The least that makes a fresh data key per record: one AES-256-GCM call for the data key, one for the payload. Pooled randomness, key objects, one
 * output buffer; no commitment, no context, no checks.
 */
const floor = {
  kek: createSecretKey(randomBytes(32)),
  pool: new Uint8Array(8192),
  used: 8192,

  random(length: number): Uint8Array {
    if (this.used + length > this.pool.length) {
      randomFillSync(this.pool)
      this.used = 0
    }
    this.used += length
    return this.pool.subarray(this.used - length, this.used)
  },

  seal(payload: Uint8Array): Uint8Array {
    const out = new Uint8Array(12 + 32 + 16 + 12 + payload.length + 16)
    const dek = this.random(32)
    out.set(this.random(12), 0)
    out.set(this.random(12), 60)
    this.encrypt(this.kek, out.subarray(0, 12), dek, out, 12)
    this.encrypt(createSecretKey(dek), out.subarray(60, 72), payload, out, 72)
    return out
  },

  encrypt(key: ReturnType<typeof createSecretKey>, nonce: Uint8Array, payload: Uint8Array, out: Uint8Array, at: number): void {
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    out.set(cipher.update(payload), at)
    cipher.final()
    out.set(cipher.getAuthTag(), at + payload.length)
  },

  open(sealed: Uint8Array): Uint8Array {
    const dek = this.decrypt(this.kek, sealed.subarray(0, 12), sealed.subarray(12, 44), sealed.subarray(44, 60))
    return this.decrypt(createSecretKey(dek), sealed.subarray(60, 72), sealed.subarray(72, -16), sealed.subarray(-16))
  },

  decrypt(key: ReturnType<typeof createSecretKey>, nonce: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
    decipher.setAuthTag(tag)
    const payload = decipher.update(ciphertext)
    decipher.final()
    return payload
  },
}
