/** Web streams of pieces that are there already, and what becomes of them. */

/** Gives the pieces as they are asked for. */
export function piecesOf(pieces: Iterable<Uint8Array>): ReadableStream<Uint8Array> {
  const left = pieces[Symbol.iterator]()
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = left.next()
        if (next.done === true) controller.close()
        else controller.enqueue(next.value)
      },
    },
    { highWaterMark: 0 },
  )
}

/** Reads it to its end and keeps nothing. */
export async function drained(readable: ReadableStream<Uint8Array>): Promise<void> {
  await readable.pipeTo(new WritableStream())
}

/** As `drained`, and gives the memory of each piece back, which the garbage collector would do some time later. */
export async function freed(readable: ReadableStream<Uint8Array>): Promise<void> {
  const free = ({ buffer }: Uint8Array): void => {
    if (buffer instanceof ArrayBuffer) buffer.transfer(0)
  }
  await readable.pipeTo(new WritableStream({ write: free }))
}

export async function collected(readable: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = []
  for await (const piece of readable) pieces.push(piece)
  return pieces
}
