import type { RecordStore } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import type { ScrubBook } from './ledger/types.ts'

/** What of replaced plaintext, or of envelopes of a compromised key, still lies in a store's file, and why. */
export interface Remains {
  readonly store: string
  readonly facts: readonly string[]
}

/**
 * Scrubs every store that the ledger has a note for, this run's and those of runs that were killed, and strikes the note where nothing
 * remains. A store that cannot be scrubbed now keeps its note.
 */
export async function scrubPending(stores: readonly RecordStore[], scrubs: ScrubBook): Promise<Remains[]> {
  const remains: Remains[] = []
  for (const name of scrubs.pending()) {
    const store = stores.find((candidate) => candidate.name === name)
    const facts = store === undefined ? ['the configuration names this store no more, so it cannot be scrubbed'] : await scrubOne(store)
    if (facts.length === 0) scrubs.done(name)
    else remains.push({ store: name, facts })
  }
  return remains
}

/** What is named where scrubbing was not wanted. */
export function unscrubbed(scrubs: ScrubBook): Remains[] {
  const fact = 'replaced values may still lie in its free pages: it was not scrubbed, as was asked for'
  return scrubs.pending().map((store) => ({ store, facts: [fact] }))
}

async function scrubOne(store: RecordStore): Promise<readonly string[]> {
  try {
    return await store.scrub()
  } catch (error) {
    // Every row is written already; a lock or a full disk here leaves nothing undone but this.
    if (!(error instanceof KeyfoldError)) throw error
    return [`${error.message} (${error.code})`]
  }
}
