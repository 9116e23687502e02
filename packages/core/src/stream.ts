/** Payloads of any size, sealed and opened in flat memory (docs/streams.md). */
import { canonicalContext } from './context.ts'
import { KeyfoldError } from './errors.ts'
import type { KeySource } from './key-source.ts'
import { runAsync } from './steps.ts'
import type { ChunkMachine } from './stream-chunks.ts'
import { chunkOpener, chunkSealer } from './stream-chunks.ts'
import { HeadCollector, parseStreamHead } from './stream-head.ts'
import { openingSteps, sealingSteps } from './stream-keys.ts'
import type { EncryptionContext } from './types.ts'

/**
 * A transform that seals what is written to it: a file, an upload. Memory stays flat, whatever the size: about twice the largest piece. Pieces
 * of 64 KiB and more are fast. The key is asked for when the first piece arrives, so that a stream which nobody uses costs no call.
 *
 * @param keys a keyring, or whatever else seals
 * @param context what the payload is, such as `{ table, column, id }`; the same pairs are needed to open it
 * @returns a web TransformStream of Uint8Arrays; `Duplex.fromWeb` of node:stream makes a node stream of it
 * @throws KeyfoldError ERR_CONTEXT_INVALID at once; through the stream ERR_ARGUMENT for a piece that is no Uint8Array, ERR_LIMIT behind
 *   4 PiB, or what the key wrapper throws (ERR_KEY_DENIED, ERR_KEY_UNAVAILABLE)
 * @example await pipeline(createReadStream('a.pdf'), Duplex.fromWeb(sealStream(keyring, { file: 'a.pdf' })), createWriteStream('a.pdf.kf'))
 */
export function sealStream(keys: KeySource, context: EncryptionContext): TransformStream<Uint8Array, Uint8Array> {
  const canonical = canonicalContext(context)
  return transformOf(async (input) => {
    const { head, cipher } = await runAsync(sealingSteps(keys, canonical))
    return { machine: chunkSealer(cipher), output: head, input }
  })
}

/**
 * A transform that opens what `sealStream` made. A chunk (16 KiB) is given out once it is authentic, so that a stream which was cut fails at
 * its end, after what came before: whoever acts on it before the stream has closed without an error acts on a part.
 *
 * @param keys a keyring, or whatever else opens
 * @param context the pairs that it was sealed with
 * @returns a web TransformStream of Uint8Arrays; `Duplex.fromWeb` of node:stream makes a node stream of it
 * @throws KeyfoldError ERR_CONTEXT_INVALID at once; through the stream ERR_ARGUMENT for a piece that is no Uint8Array, and the codes of `open`,
 *   where a stream that ends between two chunks is ERR_ENVELOPE_MALFORMED
 * @example await pipeline(createReadStream('a.pdf.kf'), Duplex.fromWeb(openStream(keyring, { file: 'a.pdf' })), createWriteStream('a.pdf'))
 */
export function openStream(keys: KeySource, context: EncryptionContext): TransformStream<Uint8Array, Uint8Array> {
  const canonical = canonicalContext(context)
  const head = new HeadCollector()
  return transformOf(async (input, last) => {
    const rest = input.subarray(head.take(input))
    if (!head.complete && !last) return undefined
    const cipher = await runAsync(openingSteps(keys, parseStreamHead(head.bytes), canonical))
    return { machine: chunkOpener(cipher), output: NOTHING, input: rest }
  })
}

/** The chunks of a stream whose key is there. */
interface Begun {
  readonly machine: ChunkMachine
  /** What is given out before the first chunk. */
  readonly output: Uint8Array
  /** What the machine gets first. */
  readonly input: Uint8Array
}

/** Takes the first pieces until a key can be asked for; undefined while it cannot. Throws where the `last` one does not suffice. */
type Begin = (input: Uint8Array, last: boolean) => Promise<Begun | undefined>

type Controller = TransformStreamDefaultController<Uint8Array>

const NOTHING = new Uint8Array()

function transformOf(begin: Begin): TransformStream<Uint8Array, Uint8Array> {
  let machine: ChunkMachine | undefined
  let cancelled = false
  const cancel = (): void => {
    cancelled = true
    machine?.wipe()
  }
  const give = (controller: Controller, output: Uint8Array): void => {
    if (output.length === 0) return
    try {
      controller.enqueue(output)
    } catch {
      cancel() // The reader went while the stream was closing, which no call tells: nobody is left to be told of it either.
    }
  }
  const start = async (input: Uint8Array, controller: Controller, last: boolean): Promise<void> => {
    const begun = await begin(input, last)
    if (begun === undefined) return
    machine = begun.machine
    // A key service may answer when the reader has gone.
    if (cancelled) return machine.wipe()
    give(controller, begun.output)
    give(controller, machine.push(begun.input))
  }
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(input, controller) {
      if (!(input instanceof Uint8Array)) {
        cancel()
        throw notBytes(input)
      }
      // At once where the key is there: a promise for every piece would cost more than its checks.
      return machine === undefined ? start(input, controller, false) : give(controller, machine.push(input))
    },
    async flush(controller) {
      if (machine === undefined) await start(NOTHING, controller, true)
      if (!cancelled) give(controller, machine!.end())
    },
    cancel,
  })
}

function notBytes(input: unknown): KeyfoldError {
  return new KeyfoldError('ERR_ARGUMENT', `a piece of a stream is a Uint8Array, not ${input === null ? 'null' : typeof input}`, {
    hint: 'Encode text first, for instance by piping it through a TextEncoderStream.',
  })
}
