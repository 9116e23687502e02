import type { Ledger, WatchedStatus } from '../index.ts'
import { findLedger, watchStatus } from '../index.ts'
import type { Call } from './command.ts'
import type { ExitCode } from './exit-codes.ts'
import { EXIT } from './exit-codes.ts'
import { interruptible } from './interrupt.ts'
import type { Output } from './output.ts'
import { movesCursor } from './output.ts'
import { withSession } from './session.ts'
import { Screen } from './screen.ts'
import { watchFrame, watchLine } from './watch-text.ts'

const ON_TERMINAL_SECONDS = 2
const ELSEWHERE_SECONDS = 10

/** `status --watch`: a view on a terminal, a line in a pipe, a document with `--json`; again and again, until somebody stops it. */
export async function watch({ output, config }: Call, seconds: number | undefined): Promise<ExitCode> {
  const screen = !output.json && movesCursor(process.stdout) ? new Screen(process.stdout) : undefined
  const every = seconds ?? (screen === undefined ? ELSEWHERE_SECONDS : ON_TERMINAL_SECONDS)
  const show = (watched: WatchedStatus): void => {
    if (screen === undefined) write(output, watched)
    else screen.show(watchFrame(watched, every))
  }
  try {
    await withSession({ config, readonly: true }, async ({ keyring, stores, ledger, config: { policy, ledger: file }, path }) =>
      interruptible(
        () => undefined,
        async (interrupted) => {
          const made = new LateLedger(ledger, path(file))
          const signal = AbortSignal.any([interrupted, whenClosed(process.stdout)])
          const options = { keyring, stores, ledger: () => made.find(), cryptoperiodDays: policy.cryptoperiodDays, intervalMs: every * 1000, signal }
          try {
            for await (const watched of watchStatus(options)) show(watched)
          } finally {
            made.close()
          }
        },
      ),
    )
  } finally {
    screen?.end()
  }
  return EXIT.done
}

function write(output: Output, watched: WatchedStatus): void {
  const { schema: _, message_type: type, ...rest } = watched
  output.result(type, rest, () => watchLine(watched))
}

/** A run that begins while somebody watches makes the ledger. */
class LateLedger {
  readonly #path: string
  #found: Ledger | undefined
  #own = false

  constructor(found: Ledger | undefined, path: string) {
    this.#found = found
    this.#path = path
  }

  async find(): Promise<Ledger | undefined> {
    if (this.#found !== undefined) return this.#found
    this.#found = await findLedger(this.#path)
    this.#own = this.#found !== undefined
    return this.#found
  }

  close(): void {
    if (this.#own) this.#found?.close()
  }
}

/** Whoever reads may go away, and then nobody is left to stop the watching. */
function whenClosed(stream: NodeJS.WriteStream): AbortSignal {
  const controller = new AbortController()
  stream.once('error', () => controller.abort())
  stream.once('close', () => controller.abort())
  return controller.signal
}
