/**
 * Loops to hold a rotation against. `plainPass` reads rows and writes the same bytes back; the bare passes do what no rotation gets around: read,
 * the cipher calls, compare-and-swap. No ledger, no checks, no counts, no context but one that is known beforehand, envelopes of one form alone.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { SyncBatchKeyWrapper } from '@keyfold/core'
import { canonicalContext } from '@keyfold/core'
import BetterSqlite3 from 'better-sqlite3'

type Row = readonly [id: number, payload: Buffer]
/** From rows to the bytes that replace theirs. */
type Work = (rows: readonly Row[]) => readonly Uint8Array[]

/** docs/format.md, for one entry that a local key wrapped: header 6, slot 18, length 2, wrapped key 40, commitment 32, length 4, ciphertext, tag. */
const AT = { keyId: 6, wrapped: 26, commitment: 66, ciphertext: 102 } as const
const TAG_LENGTH = 16
const HEADER = Buffer.from([0x4b, 0x46, 1, 1, 0])
const NO_MATERIAL = new Uint8Array(6)
/** The fixed input of the key derivation (docs/format.md, "Key commitment"). */
const DERIVATION = Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from('keyfold record'), Buffer.from([0, 1, 1, 0]), Buffer.from([0, 0, 2, 0])])

/** Reads all rows in batches and writes each back as it was. */
export function plainPass(path: string, batch: number): void {
  overAll(path, batch, (db) => {
    const update = db.prepare('UPDATE records SET payload = ? WHERE id = ?')
    return db.transaction((rows: readonly Row[]) => {
      for (const [id, payload] of rows) update.run(payload, id)
    }).immediate
  })
}

/** Puts the data key of every row under another key. */
export function bareRewrapPass(path: string, batch: number, from: SyncBatchKeyWrapper, to: SyncBatchKeyWrapper): void {
  swapPass(path, batch, (rows) => {
    const { contexts, deks } = openAll(rows, from)
    for (const [i, [, payload]] of rows.entries()) deriveChecked(deks[i]!, payload)
    const wraps = to.wrapManySync(deks, contexts)
    return rows.map(([, payload], i) => {
      const out = Buffer.allocUnsafe(payload.length)
      out.set(payload)
      out.set(to.keyId, AT.keyId)
      out.set(wraps[i]!.bytes, AT.wrapped)
      return out
    })
  })
}

/** Gives every row a new data key. */
export function bareReencryptPass(path: string, batch: number, from: SyncBatchKeyWrapper, to: SyncBatchKeyWrapper): void {
  swapPass(path, batch, (rows) => {
    const { contexts, deks } = openAll(rows, from)
    const plain = rows.map(([, payload], i) => {
      const aad = aadOf(payload.subarray(AT.commitment, AT.commitment + 32), contexts[i]!.bytes)
      const nonce = payload.subarray(AT.commitment, AT.commitment + 12)
      const key = keyOf(deriveChecked(deks[i]!, payload))
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH })
      decipher.setAAD(aad)
      decipher.setAuthTag(payload.subarray(-TAG_LENGTH))
      const text = decipher.update(payload.subarray(AT.ciphertext, -TAG_LENGTH))
      decipher.final()
      return text
    })
    const random = randomBytes(32 * rows.length)
    const fresh = rows.map((_, i) => random.subarray(32 * i, 32 * i + 32))
    const wraps = to.wrapManySync(fresh, contexts)
    return rows.map(([, payload], i) => {
      const derived = derive(fresh[i]!)
      const cipher = createCipheriv('aes-256-gcm', keyOf(derived), derived.subarray(0, 12))
      cipher.setAAD(aadOf(derived.subarray(0, 32), contexts[i]!.bytes))
      const out = Buffer.allocUnsafe(payload.length)
      out.set(payload.subarray(0, AT.ciphertext))
      out.set(to.keyId, AT.keyId)
      out.set(wraps[i]!.bytes, AT.wrapped)
      out.set(derived.subarray(0, 32), AT.commitment)
      out.set(cipher.update(plain[i]!), AT.ciphertext)
      cipher.final()
      out.set(cipher.getAuthTag(), payload.length - TAG_LENGTH)
      return out
    })
  })
}

function openAll(rows: readonly Row[], key: SyncBatchKeyWrapper) {
  const contexts = rows.map(([id]) => canonicalContext({ table: 'records', column: 'payload', id: `integer:${id}` }))
  const wraps = rows.map(([, payload]) => ({ materialId: NO_MATERIAL, bytes: payload.subarray(AT.wrapped, AT.commitment) }))
  const deks = key.unwrapManySync(wraps, contexts)
  for (const dek of deks) if (dek instanceof Error) throw dek
  return { contexts, deks: deks as Uint8Array[] }
}

const [inner, outer] = [new Uint8Array(128 + DERIVATION.length), new Uint8Array(192)]

/** HMAC-SHA-512 in the cheapest way that node:crypto has, which core takes too. */
function derive(dek: Uint8Array): Buffer {
  inner.set(DERIVATION, 128)
  for (let i = 0; i < 128; i++) {
    const byte = i < 32 ? dek[i]! : 0
    inner[i] = byte ^ 0x36
    outer[i] = byte ^ 0x5c
  }
  const digest = hash('sha512', inner, 'binary')
  for (let i = 0; i < 64; i++) outer[128 + i] = digest.charCodeAt(i)
  return hash('sha512', outer, 'buffer')
}

/** Commitment and body key of a data key that is the row's own. */
function deriveChecked(dek: Uint8Array, payload: Buffer): Buffer {
  const derived = derive(dek)
  if (!timingSafeEqual(derived.subarray(0, 32), payload.subarray(AT.commitment, AT.commitment + 32))) throw new Error('another key')
  return derived
}

const keyOf = (derived: Buffer) => createSecretKey(derived.subarray(32))

function aadOf(commitment: Uint8Array, context: Uint8Array): Buffer {
  const aad = Buffer.allocUnsafe(69)
  aad.set(HEADER)
  aad.set(commitment, 5)
  aad.write(hash('sha256', context, 'binary'), 37, 'binary')
  return aad
}

/** As a rotation writes: the key work before the transaction, each row only if it is still what was read. */
function swapPass(path: string, batch: number, work: Work): void {
  overAll(path, batch, (db) => {
    const update = db.prepare('UPDATE records SET payload = ? WHERE id = ? AND payload = ?')
    const write = db.transaction((rows: readonly Row[], replacements: readonly Uint8Array[]) => {
      for (const [i, [id, payload]] of rows.entries()) update.run(replacements[i], id, payload)
    })
    return (rows) => write.immediate(rows, work(rows))
  })
}

function overAll(path: string, batch: number, prepare: (db: BetterSqlite3.Database) => (rows: readonly Row[]) => void): void {
  const db = new BetterSqlite3(path)
  const select = db.prepare('SELECT id, payload FROM records WHERE id > ? ORDER BY id LIMIT ?').raw()
  const deal = prepare(db)
  for (let after = 0; ; ) {
    const rows = select.all(after, batch) as Row[]
    if (rows.length === 0) break
    deal(rows)
    after = rows.at(-1)![0]
  }
  db.close()
}
