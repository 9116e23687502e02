import type { Command } from 'commander'
import { openLedger, parsePlan, rotate } from '../../index.ts'
import type { Ledger, Plan, Reason, RotateOptions, RotationOutcome, RotationReport } from '../../index.ts'
import type { Call } from '../command.ts'
import { addByOption, callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { readCapped } from '../files.ts'
import { interruptible } from '../interrupt.ts'
import type { Output } from '../output.ts'
import { boundConfig, MAX_PLAN_BYTES } from '../plan-binding.ts'
import { progressView } from '../progress.ts'
import type { LimitFlags } from '../run-flags.ts'
import { addLimitOptions, limitsOf } from '../run-flags.ts'
import { runNotes, runText } from '../run-text.ts'
import type { Session, SessionOptions } from '../session.ts'
import { withSession } from '../session.ts'
import { usageError } from '../usage.ts'
import { reasonOption } from './plan.ts'

/** What `run` and `rollback` have in common. */
export interface MoveFlags extends LimitFlags {
  readonly scrub: boolean
  readonly by?: string
}

interface Flags extends MoveFlags {
  readonly reason?: Reason
  readonly unseal?: true
  readonly confirm?: string
}

/** `run`: seals what is plaintext and moves every record to the active key, in batches, resumable. */
export function addRun(program: Command): void {
  const command = program
    .command('run')
    .description('seal plaintext and move every record to the active key; the same command goes on after an interruption')
    .argument('[plan]', 'a plan file of `kms-rotate plan --out`; refused when it no longer fits')
    .addOption(reasonOption())
    .option('--unseal', 'put the plaintext back, to leave Keyfold; takes --confirm plaintext')
    .option('--confirm <word>', 'plaintext: what --unseal leaves behind')
  addMoveOptions(command).action((file: string | undefined, flags: Flags, self: Command) => finish(run(file, flags, callOf(self))))
}

export function addMoveOptions(command: Command): Command {
  return addByOption(addLimitOptions(command.option('--no-scrub', 'leave replaced values in free pages and log until the next run')))
}

async function run(file: string | undefined, flags: Flags, { output, config }: Call): Promise<ExitCode> {
  const plan = planIn(file)
  if (plan !== undefined && flags.reason !== undefined && flags.reason !== plan.reason)
    throw usageError(`the plan's reason is ${plan.reason}`, 'Leave --reason out, or make a plan with it: kms-rotate plan --reason …')
  checkUnseal(file, flags)
  const mode = flags.unseal === true ? 'unseal' : 'move'
  const result = await withSession(accessFor(config, flags), (session) =>
    moveIn(session, plan, flags, output, (options) => rotate({ ...options, mode, ...(flags.reason !== undefined && { reason: flags.reason }) })),
  )
  return moved('run', result, output)
}

export function planIn(file: string | undefined): Plan | undefined {
  return file === undefined ? undefined : parsePlan(readCapped(file, MAX_PLAN_BYTES))
}

/** How `run` and `rollback` open what they work with. */
export function accessFor(config: string | undefined, { threads, kmsRps }: MoveFlags): SessionOptions {
  // The ledger is written once everything was checked. Under a limit of calls, those that are made anew count too: that is the run's to do.
  return { config, readonly: false, writesLedger: false, threads, ...(kmsRps !== undefined && { kmsAttempts: 1 }) }
}

/** Says how it went; the exit code. */
export function moved(type: 'run' | 'rollback', result: RotationReport, output: Output): ExitCode {
  output.result(type, result, () => runText(result))
  output.message(runNotes(result))
  return EXIT_OF[result.outcome]
}

/** Nobody takes the encryption away by a slip of the hand. */
function checkUnseal(file: string | undefined, { unseal, confirm, reason }: Flags): void {
  if (unseal === undefined && confirm !== undefined) throw usageError('--confirm is for --unseal alone', 'Leave it out.')
  if (unseal === undefined) return
  if (file !== undefined || reason !== undefined) throw usageError('--unseal takes neither a plan nor a reason', 'Leave them out.')
  if (confirm === 'plaintext') return
  throw usageError('--unseal leaves every record in plaintext, and was not confirmed', 'If that is meant, add --confirm plaintext.')
}

/** Moves records with a view of its progress, and stops when it is asked to. */
export async function moveIn(
  session: Session,
  plan: Plan | undefined,
  flags: MoveFlags,
  output: Output,
  start: (options: Omit<RotateOptions, 'reason'>) => Promise<RotationReport>,
): Promise<RotationReport> {
  const { keyring, stores, config, path } = session
  const view = progressView(output, 'rotated')
  let made: Ledger | undefined
  // Only made, or brought to the newest version, once everything was checked: bad input leaves no file behind, and none changed.
  const make = async (): Promise<Ledger> => (made = await openLedger(path(config.ledger)))
  try {
    return await interruptible(
      () => output.message('\nstopping: the batch is being finished and its checkpoint saved (Ctrl-C once more ends at once)'),
      async (signal) =>
        start({
          keyring,
          stores,
          ledger: make,
          config: boundConfig(config),
          within: config.awsKms?.reEncrypt === true,
          scrub: flags.scrub,
          signal,
          onProgress: (progress) => view.step(progress),
          ...(flags.by !== undefined && { by: flags.by }),
          ...limitsOf(flags),
          ...(plan !== undefined && { plan }),
        }),
    )
  } finally {
    view.end()
    made?.close()
  }
}

const EXIT_OF: Readonly<Record<RotationOutcome, ExitCode>> = {
  done: EXIT.done,
  'scrub-pending': EXIT.pending,
  pending: EXIT.pending,
  quarantined: EXIT.quarantined,
  interrupted: EXIT.interrupted,
  cancelled: EXIT.interrupted,
  'max-duration': EXIT.budget,
  'max-errors': EXIT.quarantined,
}
