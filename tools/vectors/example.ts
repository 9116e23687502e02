import { createHash } from 'node:crypto'
import type { ValidCase } from './case.ts'
import { hex, unhex } from './case.ts'
import { EXAMPLE } from './valid.ts'

const BEGIN = '<!-- example:begin (made by tools/make-vectors.ts) -->'
const END = '<!-- example:end -->'

/** The worked example of docs/format.md, in Markdown: inputs, each step, and the envelope field by field. */
export function example(cases: readonly ValidCase[]): string {
  const one = cases.find(({ name }) => name === EXAMPLE)!
  const bytes = unhex(one.envelope)
  const contextHash = createHash('sha256').update(unhex(one.canonicalContext)).digest('hex')
  const field = (name: string, from: number, to: number | undefined): string => row(name, hex(bytes.slice(from, to)))
  return [
    'All values in hexadecimal. The keys are hashes of a text and INSECURE.',
    '',
    '```',
    row('KEK', one.keks[0]!),
    row('context', one.context.map(([key, value]) => `${key}=${value}`).join(', ')),
    row('payload', `${one.plaintext} (${JSON.stringify(Buffer.from(one.plaintext, 'hex').toString())})`),
    row('DEK', one.dek),
    '',
    row('canonical context', one.canonicalContext),
    row('derived', one.commitment + one.bodyKey),
    row('nonce', one.nonce),
    row('body key', one.bodyKey),
    row('SHA-256(context)', contextHash),
    row('aad', hex(bytes.slice(0, 5)) + one.commitment + contextHash),
    '```',
    '',
    'The envelope, field by field:',
    '',
    '```',
    field('magic', 0, 2),
    field('version', 2, 3),
    field('suite', 3, 4),
    field('flags', 4, 5),
    field('count', 5, 6),
    field('key id', 6, 18),
    field('material id', 18, 24),
    field('wrapped length', 24, 26),
    field('wrapped DEK', 26, 66),
    field('commitment', 66, 98),
    field('ciphertext length', 98, 102),
    field('ciphertext', 102, -16),
    field('tag', bytes.length - 16, undefined),
    '```',
    '',
    'In text form:',
    '',
    '```',
    one.text,
    '```',
  ].join('\n')
}

function row(name: string, value: string): string {
  const chunks = value.length > 96 ? value.match(/.{1,96}/g)! : [value]
  return chunks.map((chunk, i) => `${(i === 0 ? name : '').padEnd(18)} ${chunk}`).join('\n')
}

/** The page with the example in its place. */
export function withExample(page: string, made: string): string {
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error('docs/format.md has no place for the example')
  return `${before}${BEGIN}\n${made}\n${END}${after}`
}
