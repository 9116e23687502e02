/** How streams behave while they run: they take no faster than they give, and a stream that ends early, in whatever way, keeps no key. */
import { createReadStream, createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Duplex, PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { temporaryFolder } from '@keyfold/test-support'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Keyring } from '../src/index.ts'
import { createKeyring, openStream, sealStream } from '../src/index.ts'
import { keyBuffers, keys } from './counted-backend.ts'
import { codeOfAsync, insecureKeyring, remoteWrapper } from './keys.ts'
import { CHUNK, cutInto, opened, payloadOf, sealed, SEALED_CHUNK, sourceOf } from './streams.ts'
import { hex } from './vectors.ts'

vi.mock('#backend', async (importOriginal) => (await import('./counted-backend.ts')).counted(await importOriginal()))

beforeEach(() => {
  Object.assign(keys, { made: 0, alive: 0, chunks: 0 })
  keyBuffers.length = 0
})

const keyring = insecureKeyring('a')
const context = { file: 'a.bin' }
const PIECE = 65_536
const plain = payloadOf(20 * PIECE)
const stream = await sealed(keyring, plain, context)

const kinds = [
  ['sealStream', sealStream, plain],
  ['openStream', openStream, stream],
] as const

/** Lets everything happen that can happen without anybody's doing. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
}

/** A source that counts what is taken of it, and what becomes of it. */
function countedSource(bytes: Uint8Array) {
  const seen = { pulled: 0, cancelled: undefined as unknown }
  const pieces = cutInto(bytes, PIECE)
  const readable = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const { value } = pieces.next() as { value: Uint8Array | undefined }
        if (value === undefined) return controller.close()
        seen.pulled++
        controller.enqueue(value)
      },
      cancel(reason) {
        seen.cancelled = reason
      },
    },
    { highWaterMark: 0 },
  )
  return { seen, readable }
}

/** A keyring whose key service answers when it is told to. */
function gatedKeyring(): { keyring: Keyring; answer: () => void; asked: () => number } {
  const remote = remoteWrapper('a')
  let answer = (): void => {}
  let asked = 0
  const gate = new Promise<void>((resolve) => (answer = resolve))
  const active = {
    ...remote,
    wrap: async (...args: Parameters<typeof remote.wrap>) => (asked++, await gate, remote.wrap(...args)),
    unwrap: async (...args: Parameters<typeof remote.unwrap>) => (asked++, await gate, remote.unwrap(...args)),
  }
  return { keyring: createKeyring({ active }), answer, asked: () => asked }
}

describe.each(kinds)('%s', (_name, make, input) => {
  test('back-pressure: the source is asked for no more than the sink takes, and a few pieces ahead', async () => {
    const { seen, readable } = countedSource(input)
    const reader = readable.pipeThrough(make(keyring, context)).getReader()
    await settle()
    expect(seen.pulled).toBeLessThanOrEqual(3)
    let [last, read] = [seen.pulled, 0]
    while (!(await reader.read()).done) {
      read++
      await settle()
      // One piece of input gives at most two of output (a head, chunks), and none where it completes no chunk.
      expect(seen.pulled - last).toBeLessThanOrEqual(2)
      expect(seen.pulled).toBeLessThanOrEqual(read + 3)
      last = seen.pulled
    }
    expect(seen.pulled).toBe(Math.ceil(input.length / PIECE))
    expect(keys).toMatchObject({ made: 1, alive: 0 })
  })

  test('the key is forgotten when the stream has ended', async () => {
    await new Response(countedSource(input).readable.pipeThrough(make(keyring, context))).arrayBuffer()
    expect(keys).toMatchObject({ made: 1, alive: 0 })
  })

  test('the data key, and what is derived from it on the way to the cipher, are wiped before a chunk is read or written', async () => {
    const transform = make(keyring, context)
    const reading = transform.readable.getReader().read()
    await Promise.all([transform.writable.getWriter().write(input), reading])
    expect(keyBuffers.map(({ length }) => length)).toEqual([32, 32, 32, 32]) // data key, input key twice, chunk key
    expect(keyBuffers.every((buffer) => buffer.every((byte) => byte === 0))).toBe(true)
  })

  test('a stream that nobody uses asks for no key', async () => {
    const { asked, keyring: gated } = gatedKeyring()
    make(gated, context)
    await settle()
    expect([asked(), keys.made]).toEqual([0, 0])
  })

  test('cancelled before its first piece, it asks for no key and takes none', async () => {
    const { asked, keyring: gated } = gatedKeyring()
    const transform = make(gated, context)
    await transform.readable.cancel('enough')
    await expect(transform.writable.getWriter().write(input)).rejects.toBe('enough')
    expect([asked(), keys.made]).toEqual([0, 0])
  })

  test('cancelled in the middle, it cancels its source with the reason and forgets its key', async () => {
    const { seen, readable } = countedSource(input)
    const reader = readable.pipeThrough(make(keyring, context)).getReader()
    await reader.read()
    expect(keys.alive).toBe(1)
    await reader.cancel('enough')
    await settle()
    expect(seen.cancelled).toBe('enough')
    expect(seen.pulled).toBeLessThan(6)
    expect(keys).toMatchObject({ made: 1, alive: 0 })
  })

  test('cancelled while a key service is asked, it ends at once; a key that comes later is forgotten without a use', async () => {
    const { answer, asked, keyring: gated } = gatedKeyring()
    const transform = make(gated, context)
    const [writer, reader] = [transform.writable.getWriter(), transform.readable.getReader()]
    const [reading, writing] = [reader.read(), writer.write(input)]
    await settle()
    expect(asked()).toBe(1)
    await reader.cancel('enough')
    expect((await reading).done).toBe(true)
    answer()
    await writing
    await expect(writer.closed).rejects.toBe('enough')
    expect(keys).toEqual({ made: 1, alive: 0, chunks: 0 })
  })

  test('its source is told of that when the service has answered, and gives nothing more', async () => {
    const { answer, keyring: gated } = gatedKeyring()
    const { seen, readable } = countedSource(input)
    const reader = readable.pipeThrough(make(gated, context)).getReader()
    await settle()
    await reader.cancel('enough')
    answer()
    await settle()
    expect(seen).toEqual({ pulled: 1, cancelled: 'enough' })
  })

  test('aborted by its writer, it fails its reader with the reason and forgets its key', async () => {
    const transform = make(keyring, context)
    const [writer, reader] = [transform.writable.getWriter(), transform.readable.getReader()]
    const [reading] = [reader.read(), writer.write(input)]
    await reading
    expect(keys.alive).toBe(1)
    await writer.abort('stop')
    await expect(reader.read()).rejects.toBe('stop')
    expect(keys).toMatchObject({ made: 1, alive: 0 })
  })

  test('aborted while a key service is asked, it fails its reader when the service has answered', async () => {
    const { answer, keyring: gated } = gatedKeyring()
    const transform = make(gated, context)
    const [writer, reader] = [transform.writable.getWriter(), transform.readable.getReader()]
    const [reading, writing] = [reader.read(), writer.write(input)]
    const outcome = Promise.allSettled([reading, writing, writer.abort('stop')])
    await settle()
    answer()
    await outcome
    await expect(reader.read()).rejects.toBe('stop')
    expect(keys.alive).toBe(0)
  })

  test('a source that fails fails the reader, and the key is forgotten', async () => {
    const pieces = cutInto(input, PIECE)
    const failing = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (keys.alive === 0) controller.enqueue(pieces.next().value as Uint8Array)
        else controller.error(new Error('disk'))
      },
    })
    await expect(new Response(failing.pipeThrough(make(keyring, context))).arrayBuffer()).rejects.toThrow('disk')
    expect(keys).toMatchObject({ made: 1, alive: 0 })
  })

  test('a sink that fails cancels the source, and the key is forgotten', async () => {
    const { seen, readable } = countedSource(input)
    const full = new WritableStream<Uint8Array>({ write: () => Promise.reject(new Error('disk full')) })
    await expect(readable.pipeThrough(make(keyring, context)).pipeTo(full)).rejects.toThrow('disk full')
    await settle()
    expect(seen.cancelled).toMatchObject({ message: 'disk full' })
    expect(keys.alive).toBe(0)
  })

  test('a piece that is none fails both ends, and the key is forgotten', async () => {
    const transform = make(keyring, context)
    const [writer, reader] = [transform.writable.getWriter(), transform.readable.getReader()]
    const reading = reader.read()
    await writer.write(input)
    await reading
    const refused = { code: 'ERR_ARGUMENT' }
    await Promise.all([
      expect(writer.write('text' as unknown as Uint8Array)).rejects.toMatchObject(refused),
      (async () => {
        // what was made before is dropped or read; then the failure shows
        for (;;) if ((await reader.read()).done) expect.fail('it ended as if it were whole')
      })().catch((error: unknown) => expect(error).toMatchObject(refused)),
    ])
    expect(keys).toMatchObject({ made: 1, alive: 0 })
  })

  test('in a pipeline of node streams, an abort closes the file and forgets the key', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'in'), input)
    const [source, target] = [createReadStream(join(folder, 'in')), createWriteStream(join(folder, 'out'))]
    const abort = new AbortController()
    const slow = new PassThrough({ highWaterMark: 1 })
    const running = pipeline(source, Duplex.fromWeb(make(keyring, context)), slow, target, { signal: abort.signal })
    slow.pause()
    while (keys.alive === 0) await new Promise(setImmediate)
    abort.abort()
    await expect(running).rejects.toMatchObject({ name: 'AbortError' })
    await settle()
    expect([source.destroyed, target.destroyed, keys.alive]).toEqual([true, true, 0])
  })
})

test('sealing nothing, cancelled while the key service is asked: no error, and the key is forgotten', async () => {
  const { answer, keyring: gated } = gatedKeyring()
  const transform = sealStream(gated, context)
  const reader = transform.readable.getReader()
  const closing = transform.writable.close()
  await settle()
  const cancelling = reader.cancel('enough')
  answer()
  expect(await Promise.allSettled([closing, cancelling])).toEqual([
    { status: 'fulfilled', value: undefined },
    { status: 'fulfilled', value: undefined },
  ])
  expect(keys.alive).toBe(0)
})

test('what was sealed of a source that failed has no end, and does not open as if it were whole', async () => {
  const pieces = cutInto(plain, PIECE)
  let given = 0
  const failing = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (given++ < 3) controller.enqueue(pieces.next().value as Uint8Array)
      else controller.error(new Error('disk'))
    },
  })
  const written: Uint8Array[] = []
  const sink = new WritableStream<Uint8Array>({ write: (piece) => void written.push(piece) })
  await expect(failing.pipeThrough(sealStream(keyring, context)).pipeTo(sink)).rejects.toThrow('disk')
  expect(written.length).toBeGreaterThan(1)
  expect(await codeOfAsync(opened(keyring, Uint8Array.from(Buffer.concat(written)), context))).toBe('ERR_ENVELOPE_MALFORMED')
})

test('opening what is not authentic cancels the source, and the key is forgotten', async () => {
  const { seen, readable } = countedSource(stream.with(-100, stream.at(-100)! ^ 1))
  expect(await codeOfAsync(new Response(readable.pipeThrough(openStream(keyring, context))).arrayBuffer())).toBe('ERR_NOT_AUTHENTIC')
  expect(seen.pulled).toBe(Math.ceil(stream.length / PIECE))
  expect(keys).toMatchObject({ made: 1, alive: 0 })
  const early = countedSource(stream.with(200, stream[200]! ^ 1))
  expect(await codeOfAsync(new Response(early.readable.pipeThrough(openStream(keyring, context))).arrayBuffer())).toBe('ERR_NOT_AUTHENTIC')
  expect(early.seen.pulled).toBeLessThanOrEqual(3)
  expect(early.seen.cancelled).toMatchObject({ code: 'ERR_NOT_AUTHENTIC' })
  expect(keys.alive).toBe(0)
})

test('a wrong context keeps no key', async () => {
  const opening = sourceOf([stream]).pipeThrough(openStream(keyring, {}))
  expect(await codeOfAsync(new Response(opening).arrayBuffer())).toBe('ERR_NOT_AUTHENTIC')
  expect(keys).toMatchObject({ made: 1, alive: 0 })
})

test('plaintext comes out chunk by chunk, as soon as a chunk is whole', async () => {
  const transform = openStream(keyring, context)
  const [writer, reader] = [transform.writable.getWriter(), transform.readable.getReader()]
  const first = reader.read()
  let came = false
  void first.then(() => (came = true))
  await writer.write(stream.subarray(0, 154 + SEALED_CHUNK - 1))
  await settle()
  expect(came).toBe(false)
  const writing = writer.write(stream.subarray(154 + SEALED_CHUNK - 1, 154 + SEALED_CHUNK))
  expect(hex((await first).value!)).toBe(hex(plain.subarray(0, CHUNK)))
  await writing
  await reader.cancel()
})
