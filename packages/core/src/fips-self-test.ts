/** Known answers for everything that Keyfold asks of its backend: FIPS mode may be "on" while no cipher works. */
import { equalBytes } from './bytes.ts'
import type { Backend } from './cipher.ts'
import { KeyfoldError } from './errors.ts'

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g)!, (pair) => Number.parseInt(pair, 16))
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** NIST CAVP, gcmEncryptExtIV256.rsp: [PTlen = 256], [AADlen = 160], [Taglen = 128], Count = 0. */
const GCM = {
  key: bytes('5853c020946b35f2c58ec427152b840420c40029636adcbb027471378cfdde0f'),
  nonce: bytes('eec313dd07cc1b3e6b068a47'),
  aad: bytes('1389b522c24a774181700553f0246bbabdd38d6f'),
  plaintext: bytes('ce7458e56aef9061cb0c42ec2315565e6168f5a6249ffd31610b6d17ab64935e'),
  ciphertext: bytes('eadc3b8766a77ded1a58cb727eca2a9790496c298654cda78febf0da16b6903b'),
  tag: bytes('3d49a5b32fde7eafcce90079217ffb57'),
}

/** Wycheproof, aes_kwp_test.json, tcId 167. */
const KWP = {
  key: bytes('38e1b1d075d9d852b9a6c01c8ff6965af01bac457a4e339ae3e1d7b2ffacc0cd'),
  secret: bytes('80ad6820f1c90981e2ca42b817a345c1179d0a11d8e23a8adc0505e13d87295a'),
  wrapped: bytes('b63b7e0fec7e315816233db6758fd3e744b9f6a40862bdf866487e53bcb950d8b2649269e51b4475'),
}

/** RFC 4231, test case 1. */
const HMAC = {
  key: new Uint8Array(20).fill(0x0b),
  message: ascii('Hi There'),
  sha256: bytes('b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'),
  sha512: bytes(
    '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  ),
}

/** FIPS 180-4: the digest of "abc". */
const SHA256_ABC = bytes('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')

/** More than any pool of a backend holds: the generator itself is asked. */
const RANDOM_LENGTH = 32_768
/** More than a backend does one by one. */
const BATCH = 16

const TESTS: Readonly<Record<string, (backend: Backend) => boolean>> = {
  'SHA-256': ({ sha256 }) => equalBytes(sha256(ascii('abc')), SHA256_ABC),
  'HMAC-SHA-256': ({ hmacSha256 }) => equalBytes(hmacSha256(HMAC.key, HMAC.message), HMAC.sha256),
  'HMAC-SHA-512': ({ hmacSha512 }) => equalBytes(hmacSha512(HMAC.key, HMAC.message), HMAC.sha512),
  'AES-256-GCM': testGcm,
  'AES-256-GCM of streams': testGcmStream,
  'AES-256-KWP': testKwp,
  'the random generator': testRandom,
}

/**
 * Tries each algorithm with a published answer, and each check that must refuse.
 *
 * @throws KeyfoldError ERR_FIPS, which names the first that fails
 */
export function selfTest(backend: Backend): void {
  for (const [name, passes] of Object.entries(TESTS)) {
    let cause: unknown
    try {
      if (passes(backend)) continue
    } catch (error) {
      cause = error
    }
    throw new KeyfoldError('ERR_FIPS', `the self-test of ${name} failed`, { cause })
  }
}

function testGcm({ gcmEncrypt, gcmDecrypt }: Backend): boolean {
  const { plaintext, ciphertext, tag } = GCM
  const sealed = gcmEncrypt(GCM, plaintext)
  const opened = gcmDecrypt(GCM, { ciphertext, tag })
  return (
    equalBytes(sealed.ciphertext, ciphertext) &&
    equalBytes(sealed.tag, tag) &&
    opened !== undefined &&
    equalBytes(opened, plaintext) &&
    gcmDecrypt(GCM, { ciphertext, tag: altered(tag) }) === undefined
  )
}

/** Without additional data there is no published answer of these sizes at hand: what it seals, the tested call above opens. */
function testGcmStream({ gcmStream, gcmDecrypt }: Backend): boolean {
  const { key, nonce, plaintext } = GCM
  const stream = gcmStream(key)
  const sealed = new Uint8Array(plaintext.length + 16)
  const opened = new Uint8Array(plaintext.length)
  stream.seal(nonce, plaintext, sealed)
  const body = { ciphertext: sealed.subarray(0, -16), tag: sealed.subarray(-16) }
  const elsewhere = gcmDecrypt({ key, nonce, aad: new Uint8Array(0) }, body)
  return (
    elsewhere !== undefined &&
    equalBytes(elsewhere, plaintext) &&
    !stream.open(nonce, altered(sealed), opened) &&
    stream.open(nonce, sealed, opened) &&
    equalBytes(opened, plaintext)
  )
}

function testKwp({ aesKwp }: Backend): boolean {
  const { secret, wrapped } = KWP
  const { wrap, unwrap, wrapMany, unwrapMany } = aesKwp(KWP.key)
  const opened = unwrapMany([...Array.from({ length: BATCH }, () => wrapped), altered(wrapped)])
  return (
    [wrap(secret), ...wrapMany(Array.from({ length: BATCH }, () => secret))].every((made) => equalBytes(made, wrapped)) &&
    [unwrap(wrapped), ...opened.slice(0, BATCH)].every((made) => made !== undefined && equalBytes(made, secret)) &&
    [unwrap(altered(wrapped)), opened[BATCH]].every((made) => made === undefined)
  )
}

function testRandom({ randomBytes }: Backend): boolean {
  const [one, other] = [randomBytes(RANDOM_LENGTH), randomBytes(RANDOM_LENGTH)]
  return one.length === RANDOM_LENGTH && !equalBytes(one, other) && [one, other].every((random) => new Set(random).size === 256)
}

/** With one bit of the last byte changed. */
function altered(original: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(original)
  copy[copy.length - 1]! ^= 1
  return copy
}
