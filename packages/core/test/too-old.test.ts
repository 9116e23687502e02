import { describe, expect, test } from 'vitest'
import type { BatchKeyWrapper, KeyWrapper, WrappedKey } from '../src/index.ts'
import {
  canonicalContext,
  createKeyring,
  inspect,
  isSyncKeyWrapper,
  open,
  openMany,
  openSync,
  rewrap,
  seal,
  sealSync,
  tooOld,
  withoutMaterials,
} from '../src/index.ts'
import { codeOf, codeOfAsync, insecureKeyring, insecureWrapper } from './keys.ts'
import { hex, unhex } from './vectors.ts'

const pairs = { id: '1' }
const context = canonicalContext(pairs)

describe('tooOld', () => {
  const old = insecureWrapper('old')
  const keyring = createKeyring({ active: insecureWrapper('new'), decryptOnly: [tooOld({ id: old.id, keyId: old.keyId })] })
  const restored = sealSync(insecureKeyring('old'), 'x', pairs)

  test('abuse 9: an envelope that was put back under a key below the minimum is told from a missing key', async () => {
    await expect(open(keyring, restored, pairs)).rejects.toMatchObject({
      code: 'ERR_KEY_TOO_OLD',
      message: 'key-file:old is not accepted any more',
    })
    expect(await codeOfAsync(rewrap(keyring, restored, pairs))).toBe('ERR_KEY_TOO_OLD')
    expect(await openMany(keyring, [{ envelope: restored, context: pairs }])).toMatchObject([{ reason: { code: 'ERR_KEY_TOO_OLD' } }])
    expect(await codeOfAsync(open(insecureKeyring('new'), restored, pairs))).toBe('ERR_KEY_NOT_FOUND')
    expect(codeOf(() => openSync(keyring, restored, pairs))).toBe('ERR_KEY_TOO_OLD')
  })

  test('an entry of an accepted key opens the record all the same', async () => {
    const both = createKeyring({ active: old, recovery: [insecureWrapper('new')] })
    expect(Buffer.from(await open(keyring, await seal(both, 'y', pairs), pairs)).toString()).toBe('y')
  })

  test('it never seals', async () => {
    const never = createKeyring({ active: tooOld(old) })
    expect([await codeOfAsync(seal(never, 'x', pairs)), codeOf(() => sealSync(never, 'x', pairs))]).toEqual([
      'ERR_KEY_TOO_OLD',
      'ERR_KEY_TOO_OLD',
    ])
  })
})

describe('withoutMaterials', () => {
  const [v1, v2, v3, none] = ['000000000001', '00000000000a', '0000000000ff', '000000000000'].map(unhex) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]

  /** A key with three materials, of which the last seals. It finds a material id that was changed, but takes none for an answer. */
  function versioned() {
    const calls: string[] = []
    const versions = new Map([v1, v2, v3].map((id) => [hex(id), insecureWrapper(`version ${hex(id)}`)]))
    const wrapUnder = (id: Uint8Array, dek: Uint8Array): WrappedKey => ({
      materialId: id,
      bytes: versions.get(hex(id))!.wrapSync(dek, context).bytes,
    })
    const unwrapOne = ({ materialId, bytes }: WrappedKey): Uint8Array => {
      calls.push(hex(materialId))
      const zero = new Uint8Array(6)
      const made = hex(materialId) === hex(none) ? v1 : materialId
      return versions.get(hex(made))!.unwrapSync({ materialId: zero, bytes }, context)
    }
    const wrapper: BatchKeyWrapper = {
      id: 'test:versioned',
      keyId: new Uint8Array(12).fill(3),
      wrap: async (dek) => wrapUnder(v3, dek),
      unwrap: async (wrapped) => unwrapOne(wrapped),
      wrapMany: async (deks) => deks.map((dek) => wrapUnder(v3, dek)),
      unwrapMany: async (wraps) => (calls.push(`batch of ${wraps.length}`), wraps.map(unwrapOne)),
    }
    return { wrapper, calls, under: (id: Uint8Array) => wrapUnder(id, new Uint8Array(32).fill(id[5]!)) }
  }

  test('what an old material wrapped is refused without a call; all else is passed on', async () => {
    const { wrapper, calls, under } = versioned()
    const key = withoutMaterials(wrapper, [hex(v1), hex(v2)])
    for (const id of [v1, v2]) await expect(key.unwrap(under(id), context)).rejects.toMatchObject({ code: 'ERR_KEY_TOO_OLD' })
    await expect(key.unwrap(under(v1), context)).rejects.toThrow(
      'test:versioned wrapped this data key with a material that is not accepted any more',
    )
    expect(calls).toEqual([])
    expect((await key.unwrap(under(v3), context))[0]).toBe(0xff)
    const keyring = createKeyring({ active: key })
    const envelope = await seal(keyring, 'x', pairs)
    expect(inspect(envelope).entries[0]!.materialId).toBe(hex(v3))
    expect(Buffer.from(await open(keyring, envelope, pairs)).toString()).toBe('x')
    expect([key.id, key.keyId, isSyncKeyWrapper(withoutMaterials(insecureWrapper('a'), [hex(v1)]))]).toEqual([
      wrapper.id,
      wrapper.keyId,
      false,
    ])
  })

  test('striking the material out, or naming a newer one, does not get around it', async () => {
    const { wrapper, under } = versioned()
    const struck = { ...under(v1), materialId: none }
    expect((await wrapper.unwrap(struck, context))[0]).toBe(1)
    const key = withoutMaterials(wrapper, [hex(v1)])
    expect(await codeOfAsync(key.unwrap(struck, context))).toBe('ERR_KEY_TOO_OLD')
    expect(await codeOfAsync(key.unwrap({ ...under(v1), materialId: v3 }, context))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('in a batch, each in its place; the rest goes on in one call', async () => {
    const { wrapper, calls, under } = versioned()
    const key = withoutMaterials(wrapper, [hex(v1)])
    const wraps = [under(v1), under(v2), under(v3), under(v1), under(v2)]
    const deks = await key.unwrapMany(wraps, Array(5).fill(context))
    expect(deks.map((one) => (one instanceof Uint8Array ? one[0] : (one as { code?: string }).code))).toEqual([
      'ERR_KEY_TOO_OLD',
      0x0a,
      0xff,
      'ERR_KEY_TOO_OLD',
      0x0a,
    ])
    expect(calls[0]).toBe('batch of 3')
    expect((await key.wrapMany([new Uint8Array(32)], [context])).map(({ materialId }) => hex(materialId))).toEqual([hex(v3)])
  })

  test('a wrong count of the wrapper is noticed', async () => {
    const { wrapper, under } = versioned()
    const key = withoutMaterials({ ...wrapper, unwrapMany: async () => [] }, [hex(v1)])
    expect(await codeOfAsync(key.unwrapMany([under(v3)], [context]))).toBe('ERR_KEY_SERVICE_RESPONSE')
  })

  test('a wrapper without batches has none', () => {
    const { wrap, unwrap, id, keyId } = versioned().wrapper
    const single: KeyWrapper = { wrap, unwrap, id, keyId }
    expect('unwrapMany' in withoutMaterials(single, [hex(v1)])).toBe(false)
  })

  test.each([[[]], [['1']], [['00000000000A']], [['0000000000001']], [[hex(v1), 'x000000000001']], [[hex(v1), '000000000001 ']]])(
    '%j are no material ids',
    (materials) => {
      expect(codeOf(() => withoutMaterials(insecureWrapper('a'), materials))).toBe('ERR_ARGUMENT')
    },
  )
})
