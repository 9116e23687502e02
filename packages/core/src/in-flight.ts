/** Calls in flight, by what they ask for: whoever asks for the same gets the same promise. Nothing outlives its call, a failure least of all. */
export class InFlight<T> {
  readonly #calls = new Map<string, Promise<T>>()

  once(key: string, call: () => Promise<T>): Promise<T> {
    const running = this.#calls.get(key)
    if (running !== undefined) return running
    const started = call().finally(() => this.#calls.delete(key))
    this.#calls.set(key, started)
    return started
  }
}
