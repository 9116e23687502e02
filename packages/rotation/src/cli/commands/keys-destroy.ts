import { resolve } from 'node:path'
import type { KeyUsage } from '@keyfold/core'
import type { AwsKmsKeyWrapper } from '@keyfold/core/aws-kms'
import type { Command } from 'commander'
import type { Json } from '../../canonical-json.ts'
import { prettyJson } from '../../canonical-json.ts'
import { destroyKey } from '../../index.ts'
import type { DestroyKeyReport, KeyReceipt } from '../../index.ts'
import { asKeyId } from '../aws-kms-keys.ts'
import type { Call } from '../command.ts'
import { addByOption, callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { writeWhole } from '../files.ts'
import { materialOf } from '../key-material.ts'
import type { Session } from '../session.ts'
import { withSession } from '../session.ts'
import { plural, table } from '../table.ts'
import { usageError } from '../usage.ts'

interface Flags {
  readonly confirm?: string
  readonly material?: string
  readonly evenUnregistered?: true
  readonly reason?: string
  readonly out?: string
  readonly by?: string
}

/** `keys destroy`: the end of a key. */
export function addKeysDestroy(keys: Command): void {
  const command = keys
    .command('destroy')
    .description('destroy a retired key for good, once its cool-off is over and nothing needs it; prints the receipt')
    .argument('<key>', 'the id of the key, such as key-file:2026q1')
    .option('--confirm <key>', 'the same once more: there is no way back')
    .option('--material <uri>', 'where the key itself is, if the config does not list it any more: key-file:PATH')
    .option('--even-unregistered', 'although columns that the config does not name hold sealed values, which may need it')
    .option('--reason <text>', 'why, in one line, for history and receipt')
    .option('--out <file>', 'write the receipt there, as JSON')
  addByOption(command).action((key: string, flags: Flags, self: Command) => finish(destroy(key, flags, callOf(self))))
}

interface Destroyed {
  readonly report: DestroyKeyReport
  readonly wrapper: AwsKmsKeyWrapper | undefined
}

async function destroy(named: string, flags: Flags, { output, config }: Call): Promise<ExitCode> {
  const key = asKeyId(named)
  if (flags.confirm === undefined || asKeyId(flags.confirm) !== key)
    throw usageError('destroying a key has to be confirmed', 'Nothing was done. Give the id of the key once more: --confirm KEY-ID.')
  const { report, wrapper } = await withSession({ config, readonly: true, writesLedger: true }, (session) => destroyIn(session, key, flags))
  const { receipt, outcome } = report
  if (flags.out !== undefined && receipt !== null) writeWhole(flags.out, prettyJson(receipt as unknown as Json))
  output.result('key_destroyed', report, () => (receipt === null ? table(['KEY', 'OUTCOME'], [[key, outcome]]) : receiptText(receipt)))
  output.message(`\n${notes(report, wrapper).join('\n')}`)
  return EXIT_OF[outcome]
}

async function destroyIn({ keyring, stores, ledger, named, path, config }: Session, key: string, flags: Flags): Promise<Destroyed> {
  if (ledger === undefined) throw usageError('there is no ledger yet', 'kms-rotate run makes it, with the states of the keys. Nothing was done.')
  const settings = { awsKms: config.awsKms }
  const { material, wrapper } =
    flags.material === undefined
      ? materialOf(key, named.find(({ id }) => id === key)?.uri, { ...settings, path })
      : materialOf(key, flags.material, { ...settings, path: (relative) => resolve(relative) })
  const { coolOffDays } = config.policy
  const report = await destroyKey({
    keyring,
    stores,
    ledger,
    key,
    confirm: key,
    evenUnregistered: flags.evenUnregistered === true,
    ...(material !== undefined && { material }),
    ...(wrapper !== undefined && { wrapper }),
    ...(coolOffDays !== undefined && { coolOffDays }),
    ...(flags.reason !== undefined && { reason: flags.reason }),
    ...(flags.by !== undefined && { by: flags.by }),
  })
  return { report, wrapper }
}

function receiptText(receipt: KeyReceipt): string {
  const { key, keyId, destroyedAt, by, reason, disabledAt, census, backups, lastUsage, usageProblem, material, conditions } = receipt
  const facts = table(
    ['WHAT', 'VALUE'],
    [
      ['destroyed key', key],
      ['in envelopes as', keyId],
      ['destroyed at', destroyedAt],
      ['by', by],
      ['why', reason],
      ['disabled at', disabledAt],
      ['counted', `${plural(census.records, 'record')} in ${plural(census.columns, 'column')}, ${census.underThisKey} of them under it`],
      ['backups that the ledger lists', String(backups)],
      ...(lastUsage ?? []).map(({ place, usedAt, operation, trackedSince }) => [
        `last used, by ${place}`,
        usedAt === null ? `never since ${trackedSince ?? 'an unknown time'}` : `${usedAt} (${operation ?? 'unknown'})`,
      ]),
      ...(usageProblem === null ? [] : [['last used', `the key service did not tell (${usageProblem})`]]),
      ['the key itself', material.place === null ? material.outcome : `${material.outcome}: ${material.place}`],
    ],
  )
  return `${facts}\n\nnobody can open a record under it once all of these hold:\n${conditions.map((condition) => `- ${condition}`).join('\n')}`
}

function notes(report: DestroyKeyReport, wrapper: Destroyed['wrapper']): string[] {
  const { outcome, key, references, unregistered, usedSince, problem, receipt } = report
  if (outcome === 'needed') return [...referenceNotes(key, references), ...usedSince.map(usageNote), ...unregistered.map(unregisteredNote)]
  if (outcome === 'unfinished') {
    const why = problem ?? `removing it began in ${receipt?.material.place}: name that place with --material`
    return [`recorded, but the key itself is still there (${why}). Remove the cause, then run the same command again`]
  }
  const done = outcome === 'destroyed' ? `${key} is destroyed; the receipt stays in the ledger` : `${key} was destroyed before; this is its receipt`
  if (wrapper !== undefined) return [done, `when nothing else needs it in AWS KMS: aws kms schedule-key-deletion --key-id ${wrapper.arn}`]
  const isKept = receipt?.material.outcome === 'kept' && !key.startsWith('aws-kms:')
  return isKept ? [done, 'the key itself was not removed: --material KEY-URI says where it is'] : [done]
}

function unregisteredNote({ store, table: name, column, records }: DestroyKeyReport['unregistered'][number]): string {
  const what = `${plural(records, 'sealed value')} in ${name}.${column} of ${store}, which the config does not name`
  return `refused: ${what}. Name the column, then kms-rotate run; or --even-unregistered, if no key of yours opens them`
}

function usageNote({ place, usedAt }: KeyUsage): string {
  return `refused: ${place} saw it used at ${usedAt}`
}

function referenceNotes(key: string, { needed, branchKeys, ledgerKey }: DestroyKeyReport['references']): string[] {
  const records = needed.reduce((sum, { records: count }) => sum + count, 0)
  return [
    ...(records > 0 ? [`refused: ${plural(records, 'record')} under ${key}. kms-rotate keys enable takes it back, kms-rotate run moves them`] : []),
    ...(branchKeys > 0 ? [`refused: ${plural(branchKeys, 'branch key')} under ${key}`] : []),
    ...(ledgerKey ? [`refused: the ledger's own key is under ${key}: kms-rotate run moves it`] : []),
  ]
}

const EXIT_OF: Readonly<Record<DestroyKeyReport['outcome'], ExitCode>> = {
  'destroyed': EXIT.done,
  'already-destroyed': EXIT.done,
  'unfinished': EXIT.pending,
  'needed': EXIT.keyNeeded,
}
