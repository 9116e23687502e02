/** Every backend against vectors that others made: Wycheproof and NIST CAVP. */
import { describe, expect, test } from 'vitest'
import * as bun from '../src/backend-bun.ts'
import * as noble from '../src/backend-noble.ts'
import * as node from '../src/backend-node.ts'
import { codeOf } from './keys.ts'
import type { Case, Group, NistCase, Result } from './published.ts'
import { nist, wycheproof } from './published.ts'
import { hex, unhex } from './vectors.ts'

interface MacCase {
  key: string
  msg: string
  tag: string
  result: Result
}
const isOurGcm = ({ keySize, ivSize, tagSize }: Group<unknown>): boolean => keySize === 256 && ivSize === 96 && tagSize === 128

test("no backend but Node's own claims to be approved", () => {
  expect([node, bun, noble].map(({ BACKEND }) => BACKEND)).toEqual([
    { name: 'node:crypto', fips: true },
    { name: 'node:crypto of Bun', fips: false },
    { name: '@noble', fips: false },
  ])
})

describe.each([
  ['node:crypto', node],
  ['@noble', noble],
  ['node:crypto, with the key wrap of Bun', bun],
] as const)('%s', (_name, backend) => {
  const gcm = (one: Case) => ({
    input: { key: unhex(one.key), nonce: unhex(one.iv), aad: unhex(one.aad) },
    body: { ciphertext: unhex(one.ct), tag: unhex(one.tag) },
  })
  const open = (one: Case): string | undefined => optionalHex(backend.gcmDecrypt(gcm(one).input, gcm(one).body))

  test('AES-256-GCM: the Wycheproof cases of our sizes', (context) => {
    const cases = wycheproof<Case>(context, 'aes_gcm_test.json')
      .filter(isOurGcm)
      .flatMap(({ tests }) => tests)
    expect(cases).toHaveLength(66)
    for (const one of cases) {
      expect(open(one)).toBe(one.result === 'valid' ? one.msg : undefined)
      if (one.result !== 'valid') continue
      const sealed = backend.gcmEncrypt(gcm(one).input, unhex(one.msg))
      expect([hex(sealed.ciphertext), hex(sealed.tag)]).toEqual([one.ct, one.tag])
    }
  })

  test('AES-GCM: the Wycheproof cases of all other sizes are refused by type', (context) => {
    const cases = wycheproof<Case>(context, 'aes_gcm_test.json')
      .filter((group) => !isOurGcm(group))
      .flatMap(({ tests }) => tests)
    expect(cases).toHaveLength(316 - 66)
    for (const one of cases) expect(codeOf(() => open(one))).toBe('ERR_ARGUMENT')
  })

  test('AES-256-GCM: the NIST cases of our sizes; all other sizes are refused by type', (context) => {
    const isOurs = (one: NistCase): boolean => one['Keylen'] === '256' && one['IVlen'] === '96' && one['Taglen'] === '128'
    const all = [...nist(context, 'gcmEncryptExtIV256.rsp'), ...nist(context, 'gcmDecrypt256.rsp')]
    expect(all.filter(isOurs)).toHaveLength(750)
    for (const one of all) {
      const input = { key: unhex(one['Key']!), nonce: unhex(one['IV']!), aad: unhex(one['AAD']!) }
      const decrypt = (): string | undefined =>
        optionalHex(backend.gcmDecrypt(input, { ciphertext: unhex(one['CT']!), tag: unhex(one['Tag']!) }))
      if (!isOurs(one)) {
        expect(codeOf(decrypt)).toBe('ERR_ARGUMENT')
        continue
      }
      expect(decrypt()).toBe('FAIL' in one ? undefined : one['PT'])
      if ('FAIL' in one) continue
      const sealed = backend.gcmEncrypt(input, unhex(one['PT']!))
      expect([hex(sealed.ciphertext), hex(sealed.tag)]).toEqual([one['CT'], one['Tag']])
    }
  })

  test('AES-256-KWP: the Wycheproof cases of our sizes; all other sizes are refused by type', (context) => {
    let ours = 0
    for (const { keySize, tests } of wycheproof<Case>(context, 'aes_kwp_test.json')) {
      for (const { key, msg, ct, result } of tests) {
        const unwrap = (): string | undefined => optionalHex(backend.aesKwp(unhex(key)).unwrap(unhex(ct)))
        if (keySize !== 256 || ct.length !== 80) {
          expect(codeOf(unwrap)).toBe('ERR_ARGUMENT')
          continue
        }
        ours++
        const good = result === 'valid' && msg.length === 64
        expect(unwrap()).toBe(good ? msg : undefined)
        if (good) expect(hex(backend.aesKwp(unhex(key)).wrap(unhex(msg)))).toBe(ct)
      }
    }
    expect(ours).toBeGreaterThan(5)
  })

  test('AES-256-KWP: the NIST cases of data keys of 32 bytes; all other sizes are refused by type', (context) => {
    const encrypt = nist(context, 'KWP_AE_256.txt')
    const decrypt = nist(context, 'KWP_AD_256.txt')
    const ours = { encrypt: encrypt.filter(({ P }) => P!.length === 64), decrypt: decrypt.filter(({ C }) => C!.length === 80) }
    process.stderr.write(
      `NIST KWP: ${encrypt.length} + ${decrypt.length} cases, of our size ${ours.encrypt.length} + ${ours.decrypt.length}\n`,
    )
    for (const one of encrypt) {
      const wrap = (): string => hex(backend.aesKwp(unhex(one['K']!)).wrap(unhex(one['P']!)))
      if (ours.encrypt.includes(one)) expect(wrap()).toBe(one['C'])
      else expect(codeOf(wrap)).toBe('ERR_ARGUMENT')
    }
    for (const one of decrypt) {
      const unwrap = (): string | undefined => optionalHex(backend.aesKwp(unhex(one['K']!)).unwrap(unhex(one['C']!)))
      if (!ours.decrypt.includes(one)) expect(codeOf(unwrap)).toBe('ERR_ARGUMENT')
      else expect(unwrap()).toBe('FAIL' in one || one['P']!.length !== 64 ? undefined : one['P'])
    }
  })

  test.for([
    ['hmac_sha256_test.json', 'hmacSha256'],
    ['hmac_sha512_test.json', 'hmacSha512'],
  ] as const)('HMAC: the Wycheproof cases of %s', ([file, name], context) => {
    for (const { tagSize, tests } of wycheproof<MacCase>(context, file)) {
      for (const { key, msg, tag, result } of tests) {
        const made = hex(backend[name](unhex(key), unhex(msg))).slice(0, tagSize / 4)
        expect(made === tag).toBe(result === 'valid')
      }
    }
  })
})

function optionalHex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : hex(bytes)
}
