/** Payloads of any size, sealed and opened in flat memory (docs/streams.md). */
import type { CanonicalContext } from './types.ts'
import { canonicalContext } from './context.ts'
import { KeyfoldError } from './errors.ts'
import type { Keyring } from './keyring.ts'
import { runAsync } from './steps.ts'
import type { ChunkMachine } from './stream-chunks.ts'
import { chunkOpener, chunkSealer } from './stream-chunks.ts'
import { HeadCollector, parseStreamHead } from './stream-head.ts'
import { openingSteps, sealingSteps } from './stream-keys.ts'
import type { EncryptionContext } from './types.ts'

/**
 * A transform that seals what is written to it: a file, an upload. Memory stays flat, whatever the size; pieces of 1 MiB are fastest. The key
 * is called when the first bytes arrive.
 *
 * @param context what the payload is, such as `{ table, column, id }`; the same pairs are needed to open it
 * @returns a web TransformStream; node:stream's `pipeline` takes it as it is, `Duplex.fromWeb` makes a node stream of it
 * @throws KeyfoldError ERR_CONTEXT_INVALID at once; through the stream ERR_ARGUMENT for a piece that is no Uint8Array, ERR_LIMIT behind
 *   4 PiB, or what the key wrapper throws (ERR_KEY_DENIED, ERR_KEY_UNAVAILABLE)
 * @example await pipeline(createReadStream('a.pdf'), sealStream(keyring, { file: 'a.pdf' }), createWriteStream('a.pdf.kf'))
 */
export function sealStream(keyring: Keyring, context: EncryptionContext): TransformStream<Uint8Array, Uint8Array> {
  return transformOf(sealingStage(keyring, canonicalContext(context)))
}

/**
 * A transform that opens what `sealStream` made. A chunk (16 KiB) is given out once it is authentic, so that a stream which was cut fails at
 * its end, after what came before: whoever acts on it before the stream has closed without an error acts on a part.
 *
 * @param context the pairs that it was sealed with
 * @throws KeyfoldError ERR_CONTEXT_INVALID at once; through the stream the codes of `open`, where a stream that ends between two chunks is
 *   ERR_ENVELOPE_MALFORMED
 */
export function openStream(keyring: Keyring, context: EncryptionContext): TransformStream<Uint8Array, Uint8Array> {
  return transformOf(openingStage(keyring, canonicalContext(context)))
}

/** What a stream does between its two ends. */
interface Stage {
  push(input: Uint8Array): Promise<Uint8Array[]>
  end(): Promise<Uint8Array[]>
  /** Forgets keys and buffers. May be called often, and while another call waits for a key. */
  wipe(): void
}

function sealingStage(keyring: Keyring, context: CanonicalContext): Stage {
  let machine: ChunkMachine | undefined
  // Not before the first bytes: a stream that nobody uses asks no key service, and holds no key.
  const started = async (): Promise<[ChunkMachine, ...Uint8Array[]]> => {
    if (machine !== undefined) return [machine]
    const { head, cipher } = await runAsync(sealingSteps(keyring, context))
    machine = chunkSealer(cipher)
    return [machine, head]
  }
  return {
    async push(input) {
      const [sealer, ...head] = await started()
      return [...head, sealer.push(input)]
    },
    async end() {
      const [sealer, ...head] = await started()
      return [...head, sealer.end()]
    },
    wipe: () => machine?.wipe(),
  }
}

function openingStage(keyring: Keyring, context: CanonicalContext): Stage {
  const head = new HeadCollector()
  let machine: ChunkMachine | undefined
  return {
    async push(input) {
      if (machine !== undefined) return [machine.push(input)]
      const rest = input.subarray(head.take(input))
      if (!head.complete) return []
      machine = chunkOpener(await runAsync(openingSteps(keyring, parseStreamHead(head.bytes), context)))
      return [machine.push(rest)]
    },
    async end() {
      if (machine !== undefined) return [machine.end()]
      parseStreamHead(head.bytes) // throws: a complete head would have started the machine
      return []
    },
    wipe: () => machine?.wipe(),
  }
}

function transformOf(stage: Stage): TransformStream<Uint8Array, Uint8Array> {
  let ended = false
  const end = (): void => {
    ended = true
    stage.wipe()
  }
  const give = async (controller: TransformStreamDefaultController<Uint8Array>, work: () => Promise<Uint8Array[]>): Promise<void> => {
    try {
      for (const output of await work()) if (output.length > 0 && !ended) controller.enqueue(output)
    } catch (error) {
      end()
      throw error
    }
    // Cancelled while a key service answered: the key arrived after the wipe.
    if (ended) stage.wipe()
  }
  return new TransformStream<Uint8Array, Uint8Array>({
    transform: (input, controller) => give(controller, async () => stage.push(checked(input))),
    flush: (controller) => give(controller, () => stage.end()).finally(end),
    cancel: end,
  })
}

function checked(input: unknown): Uint8Array {
  if (input instanceof Uint8Array) return input
  throw new KeyfoldError('ERR_ARGUMENT', `a piece of a stream is a Uint8Array, not ${input === null ? 'null' : typeof input}`, {
    hint: 'Encode text first, for instance by piping it through a TextEncoderStream.',
  })
}
