/**
 * Makes vectors/envelope-v1.json, vectors/stream-v1.json and the worked example of docs/format.md. All keys are insecure by construction:
 * hashes of their names.
 *
 *     npm run -s node -- --conditions=@keyfold/source tools/make-vectors.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { example, withExample } from './vectors/example.ts'
import { invalidCases } from './vectors/invalid.ts'
import { streamVectors } from './vectors/streams.ts'
import { contextCases, validCases } from './vectors/valid.ts'

const file = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))

export function vectors() {
  const valid = validCases()
  return {
    schema: 'keyfold-vectors/1',
    note: 'Made by tools/make-vectors.ts; docs/format.md explains each field. All keys are INSECURE: hashes of their names.',
    valid,
    invalid: invalidCases(valid),
    contexts: contextCases(),
  }
}

export function vectorsOfStreams() {
  return {
    schema: 'keyfold-stream-vectors/1',
    note:
      'Made by tools/make-vectors.ts; docs/format.md explains each field, under "Streams". Byte i of every payload is i mod 251. ' +
      'All keys are INSECURE: hashes of their names.',
    ...streamVectors(),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const made = vectors()
  writeFileSync(file('vectors/envelope-v1.json'), `${JSON.stringify(made, null, 1)}\n`)
  writeFileSync(file('docs/format.md'), withExample(readFileSync(file('docs/format.md'), 'utf8'), example(made.valid)))
  const streams = vectorsOfStreams()
  writeFileSync(file('vectors/stream-v1.json'), `${JSON.stringify(streams, null, 1)}\n`)
  process.stderr.write(`${made.valid.length} valid, ${made.invalid.length} invalid, ${made.contexts.length} contexts\n`)
  process.stderr.write(`streams: ${streams.valid.length} valid, ${streams.invalid.length} invalid\n`)
}
