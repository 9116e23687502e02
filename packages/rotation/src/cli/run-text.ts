import type { LedgerOrigin, RotationReport } from '../index.ts'
import { failedText } from './failed-text.ts'
import { plural, table } from './table.ts'

/** What was done, one count a line. */
export function runText(report: RotationReport): string {
  const { reason, sealed, rewrapped, reencrypted, conflicts, quarantined, pending, branchKeys } = report
  const rows: [string, number][] = [['sealed', sealed]]
  if (rewrapped > 0 || reason === 'rotation') rows.push(['rewrapped', rewrapped])
  if (reencrypted > 0 || reason === 'compromise') rows.push(['re-encrypted', reencrypted])
  if (report.unsealed > 0) rows.push(['unsealed', report.unsealed])
  // only worth a line when it happened
  if (conflicts > 0) rows.push(['changed by the application meanwhile', conflicts])
  rows.push(['set aside', quarantined.total], ['left to do', pending])
  if (branchKeys === undefined) return table(['WHAT', 'RECORDS'], rows)
  if (branchKeys.destroyedRecords > 0) rows.push(['destroyed with their branch key', branchKeys.destroyedRecords])
  const keys: [string, number][] = [['rewrapped', branchKeys.rewrapped]]
  if (branchKeys.renewed > 0) keys.push(['replaced by a new version', branchKeys.renewed])
  keys.push(['set aside', branchKeys.failed.length], ['left to do', branchKeys.pending])
  return `${table(['WHAT', 'BRANCH KEYS'], keys)}\n\n${table(['WHAT', 'RECORDS'], rows)}`
}

/** Why a run ended before it was through, by its outcome. */
const STOPPED: Readonly<Partial<Record<RotationReport['outcome'], string>>> = {
  interrupted: 'stopped; what was done is saved. kms-rotate run goes on',
  cancelled: 'cancelled from another terminal; what was done is saved. kms-rotate run begins anew with what is left',
  'max-duration': 'stopped, as its time is over; what was done is saved. kms-rotate run goes on',
  'max-errors': 'stopped, as so many records were set aside; what was done is saved. Look at what is named here, then kms-rotate run goes on',
}

/** For people: how it ended, and what to do about what is left. */
export function runNotes(report: RotationReport): string {
  const { outcome, mode, target, quarantined, pending, branchKeys, remains } = report
  const notes = originNotes(report.ledger, sealedBefore(report))
  const stopped = STOPPED[outcome]
  if (quarantined.total > 0)
    notes.push(`could not be opened, and left unchanged: ${plural(quarantined.total, 'record')}\n${failedText(quarantined)}`)
  if (branchKeys !== undefined && branchKeys.failed.length > 0) notes.push(failedKeysText(branchKeys.failed))
  if (branchKeys !== undefined && branchKeys.pending > 0 && stopped === undefined)
    notes.push(`${plural(branchKeys.pending, 'branch key')} left: an application still makes them under an old key. Update it, then kms-rotate run`)
  if (branchKeys !== undefined && branchKeys.renewed > 0)
    notes.push('other processes seal under the branch keys that were replaced until what they have at hand expires; then kms-rotate run again')
  if (pending > 0 && stopped === undefined)
    notes.push(
      `${plural(pending, 'record')} left: an application still writes plaintext or under an old key. Update it, then kms-rotate run`,
    )
  for (const { store, facts } of remains)
    notes.push(
      `${store} may still hold copies of replaced values:\n${facts.map((fact) => `  ${fact}`).join('\n')}\nremove the cause, then kms-rotate run`,
    )
  if (stopped !== undefined) notes.push(stopped)
  if (outcome === 'quarantined')
    notes.push('no old key can be retired before what is named here is restored or removed, then kms-rotate run')
  if (outcome === 'done') notes.push(mode === 'unseal' ? LEFT : `done: every record is under ${target}. next: kms-rotate verify --full`)
  return `\n${notes.join('\n\n')}`
}

const LEFT = 'done: every record is in plaintext. Keep the keys for as long as a backup with sealed records is kept'

/** Whether records were sealed before this run. */
function sealedBefore({ census, sealed }: RotationReport): boolean {
  const cells = census.flatMap(({ byKey, destroyed = 0 }) => [...Object.values(byKey), destroyed])
  return cells.reduce((sum, count) => sum + count, 0) > sealed
}

/** What a ledger does not know. Nothing of that where there was nothing to know. */
export function originNotes(origin: LedgerOrigin, sealedSomething: boolean): string[] {
  if (origin === 'adopted')
    return ['an older release wrote this ledger: the states of its keys are taken as they are, and are authenticated from now on']
  if (origin === 'known' || !sealedSomething) return []
  return [
    'this is a new ledger: it starts from the config. What an earlier one knew is not in it: retired and compromised keys, since when\n' +
      'a key is active, escrows, a compromise run that was cut (then give --reason compromise again)',
  ]
}

/** Branch keys that do not open. */
export function failedKeysText(failed: NonNullable<RotationReport['branchKeys']>['failed']): string {
  const rows = table(
    ['BRANCH KEY', 'CODE'],
    failed.slice(0, 100).map(({ keyId, code }) => [keyId, code]),
  )
  return `${plural(failed.length, 'branch key')} could not be opened, and left unchanged:\n${rows}\nrestore the table of branch keys from a backup`
}
