import type { RecordStore } from '@keyfold/core'
import type { Action } from './key-batches.ts'
import type { Checkpoint, ColumnPlace, Ledger } from './ledger/types.ts'
import { COUNTED_AS } from './tally.ts'

/** In a second pass a checkpoint saves nothing but reading, so a few in a second do. A sweep saves each, since it would write a batch again. */
const CHECKPOINT_MS = 250

/** Where a pass stands in a column, and what is saved of it: never of rows that a power cut could still take back. */
export class Cursor {
  readonly #store: Pick<RecordStore, 'sync'>
  readonly #ledger: Ledger
  readonly #rotation: number
  readonly #place: ColumnPlace
  #checkpoint: Checkpoint
  #savedAt = 0
  #dirty = false
  #synced: Promise<void> | undefined

  constructor(store: Pick<RecordStore, 'sync'>, ledger: Ledger, rotation: number, place: ColumnPlace) {
    this.#store = store
    this.#ledger = ledger
    this.#rotation = rotation
    this.#place = place
    this.#checkpoint = ledger.rotations.checkpoint(rotation, place)
  }

  get position(): string | undefined {
    return this.#checkpoint.position
  }

  count(action: Action, written: number): void {
    const field = COUNTED_AS[action]
    this.#checkpoint = { ...this.#checkpoint, [field]: this.#checkpoint[field] + written }
    this.#dirty = true
  }

  /**
   * Asks a store that carries out its calls in their order to put on the disk what it was asked to write before this call: it need not have answered.
   * The next checkpoint waits for that.
   */
  syncBehind(): void {
    this.#synced = (async () => this.#store.sync?.())()
    this.#synced.catch(() => undefined) // told by whoever saves
  }

  async advance(position: string, atOnce: boolean): Promise<void> {
    this.#checkpoint = { ...this.#checkpoint, position }
    this.#dirty = true
    if (atOnce || performance.now() - this.#savedAt >= CHECKPOINT_MS) await this.#save()
  }

  async finishPass(): Promise<void> {
    this.#checkpoint = { ...this.#checkpoint, position: undefined, swept: true }
    await this.#save()
  }

  /** On the way out, perhaps with an error that must not be hidden behind another: a checkpoint that was not saved lags, no more. */
  async saveQuietly(): Promise<void> {
    try {
      if (this.#dirty) await this.#save()
    } catch {
      // The rows are written, and the next run finds them done.
    }
  }

  async #save(): Promise<void> {
    const synced = this.#synced
    this.#synced = undefined
    await (synced ?? this.#store.sync?.())
    this.#ledger.rotations.save(this.#rotation, this.#place, this.#checkpoint)
    this.#savedAt = performance.now()
    this.#dirty = false
  }
}
