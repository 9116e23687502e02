import { existsSync } from 'node:fs'
import { isKeyfoldError } from '@keyfold/core'
import { Option } from 'commander'
import type { Command } from 'commander'
import { encodePlan, parsePlan, plan as makePlan, plannedWork } from '../../index.ts'
import type { Plan, Reason, ScanProgress } from '../../index.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { readCapped, writeWhole } from '../files.ts'
import { interruptible } from '../interrupt.ts'
import type { Output } from '../output.ts'
import { boundConfig, MAX_PLAN_BYTES } from '../plan-binding.ts'
import { planText, planWarnings } from '../plan-text.ts'
import { everyTenSeconds } from '../progress.ts'
import type { Session } from '../session.ts'
import { withSession } from '../session.ts'
import { plural } from '../table.ts'
import { usageError } from '../usage.ts'

interface Flags {
  readonly out?: string
  readonly reason: Reason
  readonly scan: boolean
  readonly exitCode?: true
}

/** `plan`: what a run would do, and how long it takes. Writes nothing but the plan file. */
export function addPlan(program: Command): void {
  program
    .command('plan')
    .description('show what a run would do; writes nothing but the plan')
    .option('--out <file>', 'write the plan to this file, for `kms-rotate run FILE`')
    .addOption(reasonOption().default('rotation'))
    .option('--no-scan', 'do not search the stores for sealed values that the config does not name')
    .option('--exit-code', 'end with 2 when there is work to do')
    .action((flags: Flags, command: Command) => finish(plan(flags, callOf(command))))
}

/** `--reason`, the same for plan and run. */
export function reasonOption(): Option {
  return new Option('--reason <why>', 'rotation wraps data keys anew; compromise makes new ones').choices(['rotation', 'compromise'])
}

async function plan(flags: Flags, { output, config }: Call): Promise<ExitCode> {
  const { out, exitCode } = flags
  if (out !== undefined) refuseForeignFile(out)
  const made = await withSession({ config, readonly: true }, async (session) => planIn(session, flags, output))
  if (out !== undefined) writeWhole(out, encodePlan(made))
  output.result('plan', made, () => planText(made))
  output.message(`\n${[...planWarnings(made), nextStep(made, out)].join('\n')}`)
  return exitCode === true && plannedWork(made) > 0 ? EXIT.pending : EXIT.done
}

async function planIn({ keyring, stores, ledger, config }: Session, { reason, scan }: Flags, output: Output): Promise<Plan> {
  const onProgress = everyTenSeconds(({ store, table, rows }: ScanProgress) =>
    output.message(`searched ${plural(rows, 'row')} outside of the config (${store} ${table})`),
  )
  const within = config.awsKms?.reEncrypt === true
  return interruptible(
    () => output.message('\nstopping'),
    async (signal) => makePlan({ keyring, stores, ledger, reason, within, config: boundConfig(config), scan, signal, onProgress }),
  )
}

/** A plan may replace an older plan. Anything else in its place was put there for another purpose. */
function refuseForeignFile(file: string): void {
  if (!existsSync(file)) return
  try {
    parsePlan(readCapped(file, MAX_PLAN_BYTES))
  } catch (error) {
    if (!isKeyfoldError(error)) throw error
    throw usageError(`${file} is there already, and is not a plan`, 'It was left as it is. Choose another name for the plan.')
  }
}

function nextStep(made: Plan, out: string | undefined): string {
  if (plannedWork(made) === 0) return 'nothing to do: every record is under the active key'
  return out === undefined
    ? 'next: kms-rotate plan --out FILE keeps this plan; kms-rotate run does it now'
    : `wrote ${out}\nnext: kms-rotate run ${out}`
}
