const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** Whether `name` can stand behind the scheme in a key's id: letters, digits, `.`, `_` and `-`, at most 128 of them, the first a letter or digit. */
export function isKeyName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name)
}
