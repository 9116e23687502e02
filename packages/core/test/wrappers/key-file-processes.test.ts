/** Key files and other processes: those that make one, those that swap one, and one that is killed. */
import { spawn, spawnSync } from 'node:child_process'
import { linkSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { expect, onTestFinished, test } from 'vitest'
import { createKeyring, openTextSync, sealSync } from '../../src/index.ts'
import { keyFile } from '../../src/wrappers/key-file.ts'
import { codeOf, insecureKey } from '../keys.ts'
import { key, keyFileOf, keyIdOf } from './key-file-support.ts'

test('what `openssl rand -hex 32 > aes.key; chmod 600 aes.key` makes is a key file', (context) => {
  requireOrSkip(context, spawnSync('openssl', ['version']).status === 0, 'openssl is not installed')
  const folder = temporaryFolder()
  expect(spawnSync('sh', ['-c', 'openssl rand -hex 32 > aes.key; chmod 600 aes.key'], { cwd: folder }).status).toBe(0)
  const keyring = createKeyring({ active: keyFile(join(folder, 'aes.key')) })
  expect(keyring.active.id).toBe('key-file:aes')
  expect(openTextSync(keyring, sealSync(keyring, 'x', {}), {})).toBe('x')
})

test('abuse 14: a FIFO is refused at once, without waiting for a writer', (context) => {
  const path = join(temporaryFolder(), 'a.key')
  requireOrSkip(context, spawnSync('mkfifo', ['-m', '600', path]).status === 0, 'mkfifo is not there')
  expect(codeOf(() => keyFile(path))).toBe('ERR_KEY_FILE_ACCESS')
})

test('abuse 15: a file swapped between check and read: the checked descriptor is the one that is read', (context) => {
  requireOrSkip(context, process.platform !== 'win32', 'Windows has no modes')
  const folder = temporaryFolder()
  const path = join(folder, 'a.key')
  const plantedId = keyIdOf(keyFileOf(insecureKey('planted'), 0o600, 'p.key'))
  keyFileOf(key, 0o600, 'good', folder)
  keyFileOf(insecureKey('planted'), 0o666, 'bad', folder)
  linkSync(join(folder, 'good'), path)
  const swapper = spawn(process.execPath, [
    '-e',
    `const { linkSync, renameSync } = require('node:fs')
    for (;;) for (const from of ['bad', 'good']) { linkSync('${folder}/' + from, '${folder}/next'); renameSync('${folder}/next', '${path}') }`,
  ])
  onTestFinished(() => void swapper.kill('SIGKILL'))
  // Until both files were met, many times over: either the good key is read or the reader is refused, the planted key never shows.
  const seen = new Map<string, number>()
  const often = (outcome: string): boolean => (seen.get(outcome) ?? 0) > 200
  const goodId = keyIdOf(join(folder, 'good'))
  for (const end = Date.now() + 30_000; Date.now() < end && !(often(goodId) && often('ERR_KEY_FILE_ACCESS')); ) {
    const outcome = outcomeOf(path)
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
  }
  expect([...seen.keys()].toSorted()).toEqual([goodId, 'ERR_KEY_FILE_ACCESS'].toSorted())
  expect(seen.has(plantedId)).toBe(false)
})

function outcomeOf(path: string): string {
  try {
    return keyIdOf(path)
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('abuse 16: killed at any moment while it writes, it leaves a whole key or none', () => {
  const folder = temporaryFolder()
  const script = `const { createKeyFile } = await import('${new URL('../../src/wrappers/key-file.ts', import.meta.url).href}')
    process.stdout.write('ready')
    for (let i = 0; ; i++) createKeyFile('${folder}/k' + process.pid + '-' + i + '.key')`
  for (let round = 0; round < 12; round++) {
    const killer = `"$1" --conditions=@keyfold/source --input-type=module -e "$2" > ${folder}/.ready & pid=$!
      while [ ! -s ${folder}/.ready ]; do sleep 0.01; done; sleep 0.0${round % 7}; kill -9 $pid; wait $pid 2>/dev/null; rm ${folder}/.ready`
    spawnSync('sh', ['-c', killer, 'sh', process.execPath, script])
  }
  const keys = readdirSync(folder).filter((name) => !name.startsWith('.'))
  expect(keys.length).toBeGreaterThan(10)
  for (const name of keys) expect(readFileSync(join(folder, name), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
})
