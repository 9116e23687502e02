/**
 * The entries that need modules of Node, in Node, Bun and Deno: argv names a folder of bad key files and that of the packed core; the report leaves
 * on stdout.
 */
import { readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { createKeyring, openTextSync, sealSync } from '@keyfold/core'
import { fileBranchKeyStore } from '@keyfold/core/branch-key-file'
import { requireFips } from '@keyfold/core/fips'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { testBranchKeyStore } from '@keyfold/core/testing'
import type { Case } from './portable/case.ts'
import { codeOf, runAll } from './portable/case.ts'

export interface NodeModulesReport {
  /** The backend that the runtime picked, by the name of its file. */
  readonly backend: string
  /** What `requireFips` ends in, in a process that was not started in FIPS mode. */
  readonly fips: string
  /** The plaintext of what was sealed under a key file. */
  readonly opened: string
  /** Permission bits of a new key file, in octal. */
  readonly mode: string
  /** The code that each bad key file of the folder ends in, and a few more. */
  readonly codes: Readonly<Record<string, string>>
  /** Cases of the conformance kit that the file store of branch keys fails. */
  readonly failed: readonly string[]
}

const [folder = '', core = ''] = process.argv.slice(2)
const path = (name: string): string => join(folder, name)

const codes: Record<string, string> = {}
for (const name of readdirSync(folder)) codes[name] = await codeOf(() => keyFile(path(name)))
codes['none.key'] = await codeOf(() => keyFile(path('none.key')))

createKeyFile(path('good.key'))
codes['made twice'] = await codeOf(() => createKeyFile(path('good.key')))
const keyring = createKeyring({ active: keyFile(path('good.key')) })
const envelope = sealSync(keyring, 'from a key file', {})

const kit: Case[] = []
let stores = 0
testBranchKeyStore({
  test: (name, run) => kit.push({ name, run }),
  store: () => fileBranchKeyStore(path(`store-${stores++}`)),
  reopen: ({ name }) => fileBranchKeyStore(name),
})

const report: NodeModulesReport = {
  backend: basename(createRequire(join(core, 'package.json')).resolve('#backend')),
  fips: await codeOf(requireFips),
  opened: openTextSync(createKeyring({ active: keyFile(path('good.key')) }), envelope, {}),
  mode: (statSync(path('good.key')).mode & 0o777).toString(8),
  codes,
  failed: await runAll(kit),
}
process.stdout.write(JSON.stringify(report))
