/** What JSON can hold without losing anything. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** Deeper values would exhaust the stack of whoever parses them. */
const MAX_DEPTH = 1000

/** The first thing in a value that JSON would drop or change, as a sentence; undefined where there is none. */
export function jsonProblem(value: unknown, depth = 0): string | undefined {
  if (depth > MAX_DEPTH) return `nests deeper than ${MAX_DEPTH}`
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return undefined
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'holds a number that JSON lacks (NaN or infinite)'
  if (typeof value !== 'object') return `holds a value of type ${typeof value}, which JSON lacks`
  if (Array.isArray(value)) return arrayProblem(value, depth)
  if (!isPlainObject(value)) return `holds an object of class ${className(value)}, which JSON would not give back`
  if (Object.getOwnPropertySymbols(value).length > 0) return 'holds a symbol as a key'
  return firstProblem(Object.values(value), depth)
}

function arrayProblem(values: readonly unknown[], depth: number): string | undefined {
  if (Object.keys(values).length !== values.length) return 'holds an array with gaps or names'
  return firstProblem(values, depth)
}

function firstProblem(values: readonly unknown[], depth: number): string | undefined {
  for (const value of values) {
    const problem = jsonProblem(value, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Whether a value is an object as `{}` makes it. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function className(value: object): string {
  const { constructor } = value as { constructor?: unknown }
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'its own'
}
