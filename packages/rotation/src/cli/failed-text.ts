import type { FailureReport } from '../index.ts'
import { plural, table } from './table.ts'

/** Records that do not open, by place and code. A record is named by its pseudonym, for its id may be personal data. */
export function failedText({ total, records }: FailureReport): string {
  const rows = table(
    ['STORE', 'COLUMN', 'RECORD', 'CODE'],
    records.map(({ store, table: name, column, record, code }) => [store, `${name}.${column}`, record, code]),
  )
  const rest = total - records.length
  return rest > 0 ? `${rows}\nand ${plural(rest, 'more record')}` : rows
}
