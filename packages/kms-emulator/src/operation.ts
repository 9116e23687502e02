import type { Input } from './input.ts'
import type { KeyStore } from './keys.ts'

/** A request, as an operation sees it. */
export interface Call {
  readonly store: KeyStore
  readonly region: string
  readonly input: Input
}

/** Gives the JSON of the answer or throws a KmsFault. */
export type Operation = (call: Call) => Record<string, unknown>
