/** What each library is asked to do: the job of one sealed record. */
import type { Work } from '../interleave.ts'

/** One way to use one library. */
export interface Peer {
  /** Its name, and what was chosen of it. */
  readonly name: string
  /** The package, whose version is shown. */
  readonly library: string
  /** What it does not do of what an envelope of Keyfold does; empty where it does all. */
  readonly lacks: string
  /** Whether each record gets a data key of its own, and is bound to its context. */
  readonly freshKey: boolean
  readonly bindsContext: boolean
  /** Seals and opens one payload over and over. Has opened it once, and seen that it is the payload, before it is measured. */
  prepare(payload: Uint8Array): Promise<Job>
}

interface Job {
  readonly seal: Work
  readonly open: Work
  /** What is stored of a record, context not counted where the caller can leave it out. */
  readonly bytes: number
}

export const CONTEXT = { table: 'users', column: 'ssn', id: '42' } as const
export const CONTEXT_BYTES = Buffer.from(JSON.stringify(CONTEXT))

/** Refuses to time what does not give back the payload. */
export function checkOpened(name: string, opened: Uint8Array | string, payload: Uint8Array): void {
  const bytes = typeof opened === 'string' ? Buffer.from(opened) : opened
  if (Buffer.compare(bytes, payload) !== 0) throw new Error(`${name} does not give back what it sealed`)
}
