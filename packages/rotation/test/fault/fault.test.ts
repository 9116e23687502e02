/** A part of `npm run fault-test`, on the command from its sources. */
import { join } from 'node:path'
import { repositoryRoot, requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import type { Program } from '../kill/victim.ts'
import { canStrace } from '../kill/victim.ts'
import { tryFaults } from './fault.ts'
import { tryFullDisk } from './full-disk.ts'

function fromSources(): Program {
  return {
    options: ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning'],
    main: join(repositoryRoot, 'packages/rotation/src/cli/main.ts'),
    env: { ...process.env, NODE_COMPILE_CACHE: temporaryFolder() },
  }
}

const PATIENCE = { timeout: 900_000 }

test('abuse 25 and abuse 27: a call that fails ends in a typed error or success, or kills; a rerun completes', PATIENCE, async (context) => {
  requireOrSkip(context, canStrace(), 'strace is not installed or may not trace (Debian: strace)')
  const scenes = ['init', 'keys create', 'plan --out', 'first run, ledger made', 'compromise', 'keys destroy']
  const { faults, endings, tried } = await tryFaults({ program: fromSources(), seed: 25, sample: 20, scenes, lanes: 2 })
  console.log(`made ${tried} calls fail`)
  expect(faults).toEqual([])
  expect([...endings.keys()]).toEqual(expect.arrayContaining(['1 ERR_FILE_ACCESS', '1 ERR_LEDGER_ACCESS', '1 ERR_OUTPUT']))
})

test('abuse 25: a disk that is full ends in a typed error, and with room again the same command completes', PATIENCE, async (context) => {
  const found = await tryFullDisk(fromSources(), ['init', 'plan --out', 'first run, ledger made', 'compromise'])
  requireOrSkip(context, found !== undefined, 'no file system may be mounted here (it takes root)')
  expect(found!.faults).toEqual([])
  expect(found!.endings).toEqual(expect.arrayContaining(['ERR_FILE_ACCESS', 'ERR_LEDGER_ACCESS']))
})
