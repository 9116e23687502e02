/** What a plan is made of: JSON whose numbers are whole, so that every program writes them alike. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/**
 * The canonical text of a JSON value, after RFC 8785: keys in the order of their UTF-16 units, no white space. Members that are undefined
 * are left out.
 *
 * @throws TypeError for what has no one text: fractions, numbers beyond 2^53, lone surrogates
 */
export function canonicalJson(value: Json): string {
  return emit(value, '', '')
}

/** The same order, indented for people: what a plan file holds. */
export function prettyJson(value: Json): string {
  return `${emit(value, '\n', '  ')}\n`
}

function emit(value: Json, newline: string, indent: string): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new TypeError('canonical JSON holds whole numbers alone')
  if (typeof value === 'string' && !value.isWellFormed()) throw new TypeError('canonical JSON holds no lone surrogate')
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const inner = newline + indent
  if (isList(value)) return group('[', value.map((item) => emit(item, inner, indent)), ']', inner, newline)
  const members = Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[key, item] as const]))
  members.sort(([a], [b]) => (a < b ? -1 : 1))
  const colon = indent === '' ? ':' : ': '
  return group('{', members.map(([key, item]) => emit(key, '', '') + colon + emit(item, inner, indent)), '}', inner, newline)
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value)
}

function group(open: string, items: readonly string[], close: string, inner: string, newline: string): string {
  return items.length === 0 ? open + close : open + inner + items.join(`,${inner}`) + newline + close
}
