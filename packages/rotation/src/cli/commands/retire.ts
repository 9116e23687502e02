import type { Command } from 'commander'
import { openLedger, retire as retireKey } from '../../index.ts'
import type { OpenProgress, RetireReport } from '../../index.ts'
import { suggestion } from '../../nearest.ts'
import { looksSecret } from '../../secret-shape.ts'
import { asKeyId } from '../aws-kms-keys.ts'
import type { Call } from '../command.ts'
import { addByOption, callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { failedText } from '../failed-text.ts'
import { interruptible } from '../interrupt.ts'
import type { Output } from '../output.ts'
import type { ProgressView } from '../progress.ts'
import { progressView } from '../progress.ts'
import { failedKeysText, originNotes } from '../run-text.ts'
import type { Session } from '../session.ts'
import { ledgerKeys, withSession } from '../session.ts'
import { plural, table } from '../table.ts'
import { usageError } from '../usage.ts'

/** `retire`: takes an old key out of service, once nothing needs it any more. */
export function addRetire(program: Command): void {
  const command = program
    .command('retire')
    .description('take an old key out of service; refused (7) while one record needs it')
    .argument('<key>', 'the id of the key, such as key-file:2026q3')
  addByOption(command).action((key: string, { by }: { by?: string }, self: Command) => finish(retire(key, by, callOf(self))))
}

async function retire(named: string, by: string | undefined, { output, config }: Call): Promise<ExitCode> {
  const key = asKeyId(named)
  const view = progressView(output, 'opened')
  const report = await withSession({ config, readonly: true, writesLedger: true }, async (session) => {
    refuseUnknown(key, session)
    return retireIn(session, key, by, output, view)
  }).finally(() => view.end())
  output.result('retire', report, () => retireText(report))
  output.message(`\n${[...originNotes(report.ledger, true), note(report)].join('\n\n')}`)
  return EXIT_OF[report.outcome]
}

async function retireIn(
  { keyring, stores, ledger, path, config }: Session,
  key: string,
  by: string | undefined,
  output: Output,
  view: ProgressView,
): Promise<RetireReport> {
  const open = ledger ?? (await openLedger(path(config.ledger)))
  const onProgress = (step: OpenProgress): void => view.step({ ...step, done: step.opened + step.failed })
  try {
    return await interruptible(
      () => output.message('\nstopping'),
      async (signal) => retireKey({ key, keyring, stores, ledger: open, signal, onProgress, ...(by !== undefined && { by }) }),
    )
  } finally {
    if (open !== ledger) open.close()
  }
}

function refuseUnknown(key: string, { named, ledger }: Session): void {
  const known = [...new Set([...named.map(({ id }) => id), ...ledgerKeys(ledger).map(({ id }) => id)])]
  if (known.includes(key)) return
  const shown = looksSecret(key) || key.length > 140 ? 'this key' : key
  throw usageError(`neither the config nor the ledger knows ${shown}${suggestion(key, known)}`, `Known keys: ${known.join(', ')}.`)
}

function retireText({ outcome, key, needed }: RetireReport): string {
  if (outcome !== 'needed' || needed.length === 0) return table(['KEY', 'OUTCOME'], [[key, outcome]])
  return table(
    ['STORE', 'COLUMN', 'RECORDS'],
    needed.map(({ store, table: name, column, records }) => [store, `${name}.${column}`, records]),
  )
}

function note({ outcome, key, active, opened, needed, ledgerKey, failed, branchKeys }: RetireReport): string {
  switch (outcome) {
    case 'retired':
      return [
        `${plural(opened, 'record')} opened without it: nothing needs ${key} any more.`,
        'next: take it out of keyring.decryptOnly, in this config and in the application.',
        `kms-rotate keys destroy ${key} destroys it once its cool-off is over; until then kms-rotate keys enable takes it back.`,
        key.startsWith('aws-kms:')
          ? 'Do not delete it in KMS as long as there are backups that were sealed under it.'
          : 'Keep a copy of the key as long as there are backups that were sealed under it.',
      ].join('\n')
    case 'already-retired':
      return `${key} was retired before; nothing was changed`
    case 'damaged':
      return [
        ...(failed.total > 0 ? [`refused: ${plural(failed.total, 'record')} did not open without ${key}:`, failedText(failed)] : []),
        ...(branchKeys !== undefined && branchKeys.failed.length > 0 ? [`refused without ${key}: ${failedKeysText(branchKeys.failed)}`] : []),
        'find out why with kms-rotate verify --full',
      ].join('\n')
    case 'needed':
      return active
        ? `refused: ${key} is the active key. Make another one active, then kms-rotate run`
        : `refused: ${stillUnder(needed, branchKeys, ledgerKey)} under ${key}. First kms-rotate run, then retire it`
  }
}

function stillUnder(needed: RetireReport['needed'], branchKeys: RetireReport['branchKeys'], ledgerKey: boolean): string {
  if (ledgerKey && needed.length === 0 && (branchKeys?.needed ?? 0) === 0) return "the ledger's own key is"
  const records = plural(
    needed.reduce((sum, { records: count }) => sum + count, 0),
    'record',
  )
  return branchKeys === undefined || branchKeys.needed === 0 ? records : `${plural(branchKeys.needed, 'branch key')} and ${records}`
}

const EXIT_OF: Readonly<Record<RetireReport['outcome'], ExitCode>> = {
  retired: EXIT.done,
  'already-retired': EXIT.done,
  needed: EXIT.keyNeeded,
  damaged: EXIT.integrity,
}
