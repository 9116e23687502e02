import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyKind, TableName } from './world.ts'

const WRITER = join(import.meta.dirname, 'writer.ts')

/** The writer process, as the campaign commands it. */
export class Application {
  readonly #child: ChildProcess
  readonly #folder: string
  #complaints = ''
  readonly #answers: Array<(end: Error | undefined) => void> = []
  #ended = false

  /** @param options of Node, by which the packages resolve as they do for the campaign */
  constructor(options: readonly string[], folder: string, kind: KeyKind, rows: number, seed: number) {
    this.#folder = folder
    this.#child = spawn(process.execPath, [...options, WRITER, folder, kind, String(rows), String(seed)])
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text))
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      for (let lines = text.split('ok\n').length - 1; lines > 0; lines--) this.#answers.shift()?.(undefined)
    })
    this.#child.stdin!.on('error', () => undefined)
    this.#child.on('close', () => {
      this.#ended = true
      for (const answer of this.#answers.splice(0)) answer(this.#failure())
    })
  }

  #failure(): Error {
    return new Error(`the application ended by itself: ${this.#complaints}`)
  }

  /** `keys N`, `hold`, `go`: done when this returns. */
  async obey(command: string): Promise<void> {
    if (this.#ended) throw this.#failure()
    const answer = new Promise<Error | undefined>((resolve) => this.#answers.push(resolve))
    this.#child.stdin!.write(`${command}\n`)
    const failure = await answer
    if (failure !== undefined) throw failure
  }

  /** Lets it finish its write and end. */
  async end(): Promise<void> {
    if (!this.#ended) {
      const closed = new Promise((resolve) => this.#child.on('close', resolve))
      this.#child.stdin!.end()
      await closed
    }
    if (this.#child.exitCode !== 0) throw this.#failure()
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Every write that it was told is durable, in order; a deleted row has no value. */
  acknowledged(): ReadonlyArray<{ readonly table: TableName; readonly id: number; readonly value?: string }> {
    const lines = readFileSync(join(this.#folder, 'acknowledged'), 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as { table: TableName; id: number; value?: string })
  }
}
