#!/usr/bin/env node
/**
 * The command `kms-rotate`. Imports nothing before it knows that this Node can load the rest: the SQLite driver ends an older one without a
 * word, and its syntax errors would say nothing to the person who has to act.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > 22 || (major === 22 && minor >= 14)) {
  import('./program.ts').then(
    ({ main }) => main(process.argv.slice(2)),
    (error: unknown) => fail('kms-rotate cannot be loaded', 'Install it again.', 'ERR_UNEXPECTED', error),
  )
} else {
  fail(
    `kms-rotate needs Node 22.14 or newer, and this is Node ${process.versions.node}`,
    'Install a supported Node release (22, 24 or 26) and try again.',
    'ERR_RUNTIME',
  )
}

function fail(fact: string, hint: string, code: string, cause?: unknown): void {
  const asJson = process.argv.includes('--json')
  const document = JSON.stringify({ schema: 'kms-rotate/1', message_type: 'error', code, message: fact, hint })
  process.stderr.write(asJson ? `${document}\n` : `error: ${fact}\nhint:  ${hint}\ncode:  ${code}\n`)
  if (cause instanceof Error && process.argv.includes('--debug')) process.stderr.write(`${cause.stack ?? ''}\n`)
  process.exitCode = 1
}
