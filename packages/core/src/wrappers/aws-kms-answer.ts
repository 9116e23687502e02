import { concat } from '../bytes.ts'

/** An answer of KMS has at most about 9 KB; what is longer does not come from it. */
const MOST_ANSWER_BYTES = 65_536

type Body = AsyncIterable<Uint8Array> & { destroy?: (error: Error) => void }

/** Collects the body of an answer, in bounded size and time: the SDK itself bounds neither. */
export function boundedCollector(timeoutMs: number): (body: Body) => Promise<Uint8Array> {
  return async (body) => {
    const timer = setTimeout(() => body.destroy?.(timeoutError('the answer stopped in its middle')), timeoutMs)
    const chunks: Uint8Array[] = []
    let length = 0
    try {
      for await (const chunk of body) {
        length += chunk.length
        // leaving the loop closes the connection
        if (length > MOST_ANSWER_BYTES) throw new Error('the answer is too long')
        chunks.push(chunk)
      }
    } finally {
      clearTimeout(timer)
    }
    return concat(...chunks)
  }
}

/** The result of a call, or a TimeoutError when it took too long. What it is stuck in may go on, and is heard no more. */
export async function endingWithin<T>(ms: number, call: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timeoutError('the call did not end')), ms)
  })
  return Promise.race([call, late]).finally(() => clearTimeout(timer))
}

/** By this name the SDK and `kmsError` know it. */
function timeoutError(message: string): Error {
  return Object.assign(new Error(message), { name: 'TimeoutError' })
}
