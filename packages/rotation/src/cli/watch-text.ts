import type { RotationStatus, StatusReport, WatchedStatus } from '../index.ts'
import { duration } from './progress.ts'
import { nextSteps, warningsText } from './status-text.ts'
import { count, plural, table } from './table.ts'

const BAR_WIDTH = 12
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A share from 0 to 1 as a bar; full only when it is. */
export function bar(share: number, width = BAR_WIDTH): string {
  const eighths = Math.min(width * 8, Math.max(0, Math.floor(share * width * 8)))
  const drawn = '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!
  return drawn + '░'.repeat(width - Array.from(drawn).length)
}

/** 100 % is said when all is done, and not before. */
function percent(part: number, whole: number): string {
  return `${whole === 0 ? 100 : Math.floor((100 * part) / whole)} %`
}

/** What a terminal shows of one count. */
export function watchFrame(watched: WatchedStatus, seconds: number): string {
  const head = `kms-rotate status  ${watched.at.replace('T', ' ').slice(0, 19)} UTC, every ${seconds} s (Ctrl-C ends)`
  // what is being done need not be told to do
  const moving = (watched.recordsPerSecond ?? 0) > 0
  const notes = [...warningsText(watched), ...(moving ? [] : nextSteps(watched))]
  const parts = [head, keysText(watched), columnsText(watched), progressText(watched)]
  return [...parts, ...(notes.length > 0 ? [notes.join('\n')] : [])].join('\n\n')
}

function keysText({ keys, total, at }: WatchedStatus): string {
  return table(
    ['KEY', 'STATE', 'RECORDS', 'SHARE', 'DUE'],
    keys.map(({ id, state, records, due }) => [id, state, records, bar(total === 0 ? 0 : records / total), dueText(due, at)]),
  )
}

function dueText(due: string | null, at: string): string {
  if (due === null) return '-'
  const days = Math.floor((Date.parse(due) - Date.parse(at)) / 86_400_000)
  return `${due.slice(0, 10)}, ${days < 0 ? `${plural(-days, 'day')} ago` : `in ${plural(days, 'day')}`}`
}

function columnsText({ stores, keys }: StatusReport): string {
  const active = keys.filter(({ state }) => state === 'active').map(({ id }) => id)
  return table(
    ['STORE', 'COLUMN', 'UNDER THE ACTIVE KEY', ' DONE', 'RECORDS', 'PLAINTEXT'],
    stores.map(({ store, table: name, column, total, null: empty, plaintext, destroyed = 0, behind = 0, byKey }) => {
      const cells = total - empty - destroyed
      const current = Math.max(0, ...active.map((id) => byKey[id] ?? 0)) - behind
      return [store, `${name}.${column}`, bar(cells === 0 ? 1 : current / cells), percent(current, cells).padStart(5), cells, plaintext]
    }),
  )
}

function progressText(watched: WatchedStatus): string {
  const { rotation, done, total } = watched
  const state = rotation === null ? 'no rotation is under way' : rotationText(rotation)
  const aside = (watched.quarantined ?? []).reduce((sum, { records }) => sum + records, 0)
  const drawn = bar(total === 0 ? 1 : done / total, 2 * BAR_WIDTH)
  return `${state}${aside === 0 ? '' : `; ${plural(aside, 'record')} set aside`}\n${drawn}  ${percent(done, total)}  ${paceText(watched)}`
}

function rotationText({ state, mode, reason, target, startedAt, asked, run }: RotationStatus): string {
  if (state === 'scrub-pending') return 'every record was moved; copies of replaced values are left to remove'
  const what = mode === 'unseal' ? 'removal of the encryption' : `${mode === 'rollback' ? 'rollback' : 'rotation'} to ${target}`
  const why = reason === 'compromise' ? ' after a compromise' : ''
  const who = run?.alive === true ? ` by process ${run.pid} on ${run.machine}` : ''
  const how = asked === 'pause' ? 'paused' : who === '' ? 'not running' : asked === 'cancel' ? 'being cancelled' : 'running'
  return `${what}${why}, begun ${startedAt?.slice(0, 19).replace('T', ' ')} UTC: ${how}${who}`
}

function paceText({ done, total, recordsPerSecond, secondsLeft }: WatchedStatus): string {
  const rate = recordsPerSecond === null || done >= total ? '' : `, ${count(recordsPerSecond)}/s`
  const left = secondsLeft === null || done >= total ? '' : `, ${duration(secondsLeft)} left`
  return `${count(done)} of ${plural(total, 'record')}${rate}${left}`
}

/** One line for a log. */
export function watchLine(watched: WatchedStatus): string {
  const active = watched.keys.find(({ state }) => state === 'active')?.id ?? '-'
  const { warnings = [], quarantined = [], rotation } = watched
  const aside = quarantined.reduce((sum, { records }) => sum + records, 0)
  const more = [
    rotation === null ? '' : rotationText(rotation),
    aside === 0 ? '' : `${plural(aside, 'record')} set aside`,
    ...warnings.map(({ code, key }) => (key === null ? code : `${code} ${key}`)),
  ]
  return [`${watched.at} ${active}: ${paceText(watched)}`, ...more.filter((text) => text !== '')].join('; ')
}
