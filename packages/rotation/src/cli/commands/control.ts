import type { Command } from 'commander'
import { cancel, openLedger, pause, resume } from '../../index.ts'
import type { ControlReport, Ledger } from '../../index.ts'
import { rotationError } from '../../errors.ts'
import { findLedger } from '../../ledger/open.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { loadConfig } from '../load-config.ts'

interface Request {
  readonly description: string
  readonly ask: (ledger: Ledger, flags: { evenCompromise?: true }) => ControlReport
  /** What is true now, where a run is alive and where none is. */
  readonly said: readonly [alive: string, not: string]
}

const REQUESTS: Readonly<Record<'pause' | 'resume' | 'cancel', Request>> = {
  pause: {
    description: 'let the run under way wait after its batch, until resume; needs no key',
    ask: (ledger) => pause({ ledger }),
    said: ['the run waits once its batch is done', 'paused: the next run waits for kms-rotate resume'],
  },
  resume: {
    description: 'let a paused rotation go on; needs no key',
    ask: (ledger) => resume({ ledger }),
    said: ['the run goes on', 'no longer paused: kms-rotate run goes on'],
  },
  cancel: {
    description: 'end the rotation under way after its batch; records stay under the keys where they are then; needs no key',
    ask: (ledger, { evenCompromise = false }) => cancel({ ledger, evenCompromise }),
    said: ['the run ends once its batch is done', 'cancelled: kms-rotate run begins anew with what is left'],
  },
}

/** `pause`, `resume`, `cancel`: what is asked of a run from another terminal. They open the ledger alone. */
export function addControl(program: Command): void {
  for (const [name, request] of Object.entries(REQUESTS)) {
    const command = program.command(name).description(request.description)
    if (name === 'cancel') command.option('--even-compromise', 'also one after a compromise: the rest stays under data keys that may be known')
    command.action((flags: { evenCompromise?: true }, self: Command) => finish(control(name, request, flags, callOf(self))))
  }
}

async function control(name: string, request: Request, flags: { evenCompromise?: true }, { output, config }: Call): Promise<ExitCode> {
  const { config: loaded, path } = await loadConfig(config)
  const ledger = await existing(path(loaded.ledger))
  try {
    const report = request.ask(ledger, flags)
    output.result(name, report, () => request.said[report.underWay ? 0 : 1])
    return EXIT.done
  } finally {
    ledger.close()
  }
}

async function existing(path: string): Promise<Ledger> {
  const found = await findLedger(path)
  if (found === undefined) throw rotationError('ERR_ROTATION_MISSING', 'no rotation is under way: there is no ledger yet')
  found.close()
  return openLedger(path)
}
