import type { Command } from 'commander'
import { rotationError } from '../../errors.ts'
import { rollback as rollBack } from '../../index.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { withSession } from '../session.ts'
import type { MoveFlags } from './run.ts'
import { accessFor, addMoveOptions, moved, moveIn, planIn } from './run.ts'

interface Flags extends MoveFlags {
  readonly reason: string
}

/** `rollback`: reverses the last rotation; the config names the old key as the active one. */
export function addRollback(program: Command): void {
  const command = program
    .command('rollback')
    .description('reverse the last rotation: the key before it, active again in the config, becomes so in the ledger, and records move back')
    .argument('[plan]', 'a plan file of `kms-rotate plan --out`, made with this config; refused when it no longer fits')
    .requiredOption('--reason <text>', 'why, in one line, for the history in the ledger')
  addMoveOptions(command).action((file: string | undefined, flags: Flags, self: Command) => finish(rollback(file, flags, callOf(self))))
}

async function rollback(file: string | undefined, flags: Flags, { output, config }: Call): Promise<ExitCode> {
  const plan = planIn(file)
  const result = await withSession(accessFor(config, flags), (session) => {
    if (session.ledger === undefined) throw rotationError('ERR_ROLLBACK_REFUSED', 'there is no ledger: no rotation is known that could be reversed')
    const { rollbackDays } = session.config.policy
    const more = { why: flags.reason, ...(rollbackDays !== undefined && { rollbackDays }) }
    return moveIn(session, plan, flags, output, (options) => rollBack({ ...options, ...more }))
  })
  return moved('rollback', result, output)
}
