/**
 * By hand: `npm run -s node -- --conditions=@keyfold/source bench/parts.ts`. What each part of sealing and opening 256 B takes by itself, and
 * what grows with 64 KiB, in microseconds: the least of many short rounds, since a part is so short that any neighbour doubles it.
 * docs/design/0016-hot-path.md tells more.
 */
import { createCipheriv, createSecretKey, getFips, hash, randomBytes } from 'node:crypto'
import { createKeyring, openSync, sealSync } from '@keyfold/core'
import { insecureRawKey } from '@keyfold/core/raw-key'
import { aesKwp, gcmDecrypt, gcmEncrypt, hmacSha512, sha256 } from '../packages/core/src/backend-node.ts'
import { generateDek } from '../packages/core/src/cipher.ts'
import { canonicalContext } from '../packages/core/src/context.ts'
import { encode, parse } from '../packages/core/src/format.ts'
import { floorOpen, floorSeal } from './floors.ts'
import { interleave } from './interleave.ts'
import { CANONICAL_CONTEXT, CONTEXT } from './suite.ts'

const keyring = createKeyring({ active: insecureRawKey('bench', randomBytes(32)) })
const [payload, dek, message] = [randomBytes(256), randomBytes(32), randomBytes(26)]
const envelope = sealSync(keyring, payload, CONTEXT)
const [parsed, parts, kwp] = [parse(envelope), floorSeal(payload, CANONICAL_CONTEXT), aesKwp(dek)]
const wrapped = kwp.wrap(dek)
const [input, key] = [{ key: dek, nonce: randomBytes(12), aad: randomBytes(69) }, createSecretKey(dek)]
const sealed = gcmEncrypt(input, payload)
const large = randomBytes(65_536)
const largeEnvelope = parse(sealSync(keyring, large, CONTEXT))
const [inner, outer] = [randomBytes(154), randomBytes(192)]

const timings = await interleave(
  {
    'seal': () => sealSync(keyring, payload, CONTEXT),
    'its floor': () => floorSeal(payload, CANONICAL_CONTEXT),
    'open': () => openSync(keyring, envelope, CONTEXT),
    'its floor ': () => floorOpen(parts, CANONICAL_CONTEXT),
    'context: check, order, encode': () => canonicalContext(CONTEXT),
    'data key, out of the pool': () => generateDek(),
    'HMAC-SHA-512': () => hmacSha512(dek, message),
    '  of it, two SHA-512': () => [hash('sha512', inner, 'binary'), hash('sha512', outer, 'buffer')],
    '  of it, asking for FIPS mode': () => getFips(),
    'SHA-256 of the context': () => sha256(CANONICAL_CONTEXT),
    'AES-256-GCM, encrypt': () => gcmEncrypt(input, payload),
    'AES-256-GCM, decrypt': () => gcmDecrypt(input, sealed),
    '  of either, the key object': () => createSecretKey(dek),
    '  of either, createCipheriv': () => createCipheriv('aes-256-gcm', key, input.nonce),
    'AES-KWP, wrap': () => kwp.wrap(dek),
    'AES-KWP, unwrap': () => kwp.unwrap(wrapped),
    '  of either, createCipheriv ': () => createCipheriv('id-aes256-wrap-pad', key, Buffer.from('a65959a6', 'hex')),
    'envelope: encode': () => encode(parsed),
    'envelope: parse': () => parse(envelope),
    'AES-256-GCM, encrypt 64 KiB': () => gcmEncrypt(input, large),
    'envelope: encode 64 KiB': () => encode(largeEnvelope),
    'seal 64 KiB': () => sealSync(keyring, large, CONTEXT),
    'its floor  ': () => floorSeal(large, CANONICAL_CONTEXT),
  },
  { rounds: 60, fewest: 60, budgetMs: 0, roundMs: 1.5, warmMs: 150 },
)
for (const [name, { samples }] of Object.entries(timings)) console.log(`${name.padEnd(32)} ${Math.min(...samples).toFixed(2).padStart(6)}`)
