export type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC'

/** The column affinity of a declared type (sqlite.org/datatype3.html, section 3.1); in a STRICT table `ANY` converts nothing. */
export function affinityOf(declaredType: string, strict: boolean): Affinity {
  const type = declaredType.toUpperCase()
  if (strict && type === 'ANY') return 'BLOB'
  if (type.includes('INT')) return 'INTEGER'
  if (/CHAR|CLOB|TEXT/.test(type)) return 'TEXT'
  if (type === '' || type.includes('BLOB')) return 'BLOB'
  if (/REAL|FLOA|DOUB/.test(type)) return 'REAL'
  return 'NUMERIC'
}

/** Text that a column of numeric affinity would store as a number. */
const NUMERIC_TEXT = /^[ \t\n\v\f\r]*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[ \t\n\v\f\r]*$/i

/** Whether a column stores a value of an id as it is; else SQLite would turn it into another type. */
export function keepsType(affinity: Affinity, value: bigint | string | Uint8Array): boolean {
  if (typeof value === 'bigint') return affinity === 'INTEGER' || affinity === 'NUMERIC' || affinity === 'BLOB'
  if (typeof value === 'string') return affinity === 'TEXT' || affinity === 'BLOB' || !NUMERIC_TEXT.test(value)
  return true
}
